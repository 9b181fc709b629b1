"""All benches, one process each: `python -m bench`. Figures go to bench/results/NAME.json."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path

import bench

#: What is in the package and is no bench.
NOT_A_BENCH = {"__main__", "measuring"}


def main() -> None:
    results = Path(__file__).with_name("results")
    names = sys.argv[1:] or sorted(found.name for found in pkgutil.iter_modules(bench.__path__) if found.name not in NOT_A_BENCH)
    for name in names:
        print(f"bench.{name}", flush=True)
        subprocess.run([sys.executable, "-m", f"bench.{name}", "--json", str(results / f"{name}.json")], check=True)


if __name__ == "__main__":
    main()
