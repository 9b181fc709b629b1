"""All benches, one process each: `python -m bench`. Figures go to bench/results/NAME.json."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path

import bench

#: Modules of the package that are no bench; what benches stand on lies in packages of its own.
NOT_A_BENCH = {"__main__", "measuring"}


def main() -> None:
    results = Path(__file__).with_name("results")
    modules = [found.name for found in pkgutil.iter_modules(bench.__path__) if not found.ispkg]
    names = sys.argv[1:] or sorted(name for name in modules if name not in NOT_A_BENCH)
    for name in names:
        print(f"bench.{name}", flush=True)
        subprocess.run([sys.executable, "-m", f"bench.{name}", "--json", str(results / f"{name}.json")], check=True)


if __name__ == "__main__":
    main()
