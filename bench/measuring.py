"""How a bench is run and what it writes: its figures, and the machine that they were taken on."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
Figures = dict[str, Any]


@dataclass(frozen=True)
class Timings:
    """Seconds of each round of one thing."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def as_json(self) -> Figures:
        return {"median": round(self.median, 4), "rounds": [round(value, 4) for value in self.seconds]}


def timed(work: Callable[[], object]) -> float:
    """The seconds that one call takes, by the clock on the wall."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def in_turn(works: Sequence[Callable[[], object]], rounds: int) -> list[Timings]:
    """Times several things in turn, round by round, so that what else the machine does falls on all of them alike."""
    taken = [[timed(work) for work in works] for _ in range(rounds)]
    return [Timings(tuple(column)) for column in zip(*taken, strict=True)]


def machine() -> Figures:
    """What the figures depend on, without the name of the machine."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{package: version(package) for package in ("dagster", "torch", "onnxruntime", "evidently")},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())


def as_text(figures: Figures) -> str:
    return json.dumps(figures, indent=2)


def main(
    name: str, bench: Callable[..., Figures], *, shown: Callable[[Figures], str] = as_text, rounds: int = 5, **sizes: tuple[int, str]
) -> None:
    """The command of a bench: prints its figures as they are to be shown, and writes them where `--json FILE` says.

    The bench is called with the rounds, and with each of `sizes` by its name: (default, what it is), an option of the command.
    """
    parser = argparse.ArgumentParser(prog=f"python -m bench.{name}", description=bench.__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file as well")
    parser.add_argument(
        "--rounds", type=int, default=rounds, help="how often each thing is measured; the median counts (default %(default)s)"
    )
    for size, (default, what) in sizes.items():
        option = f"--{size.replace('_', '-')}"
        if isinstance(default, bool):
            parser.add_argument(option, action="store_true", help=what)
        else:
            parser.add_argument(option, type=int, default=default, help=f"{what} (default %(default)s)")
    asked = parser.parse_args()
    measured = bench(asked.rounds, **{size: getattr(asked, size) for size in sizes})
    figures = {"bench": name, "rounds": asked.rounds, **measured, "machine": machine()}
    print(shown(figures))
    if asked.json is not None:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.write_text(as_text(figures) + "\n", encoding="utf-8")
