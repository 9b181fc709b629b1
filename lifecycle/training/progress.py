"""Shows how training goes: lines for a log, and a bar where a person looks at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from lifecycle.training.ports import Report

#: At most about so many epochs of a run are told in its log.
LINES = 20

#: Takes the number of epochs done and what was measured after the last of them.
Show = Callable[[int, Mapping[str, float]], None]


@contextmanager
def progress(report: Report, epochs: int, *, terminal: bool | None = None) -> Iterator[Show]:
    """Shows epochs as they are done. The bar goes to standard error, and only to a terminal."""
    every = max(1, -(-epochs // LINES))

    def log(done: int, measured: Mapping[str, float]) -> None:
        if done % every == 0 or done == epochs:
            report(f"epoch {done}/{epochs}  {_in_words(measured)}".rstrip())

    if not (sys.stderr.isatty() if terminal is None else terminal):
        yield log
        return

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=epochs)

        def draw(done: int, measured: Mapping[str, float]) -> None:
            log(done, measured)
            bar.update(task, completed=done, description=_in_words(measured))

        yield draw


def _in_words(measured: Mapping[str, float]) -> str:
    return "  ".join(f"{name} {value:.4f}" for name, value in measured.items())
