"""Telling what happens, step by step, for a person on a terminal and for a machine as JSON."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lifecycle.records.record import JsonObject

if TYPE_CHECKING:
    from rich.console import Console


@dataclass
class Told:
    """One step as it went."""

    name: str
    ok: bool = False
    seconds: float = 0.0


@dataclass
class Story:
    """The steps so far. A step that raises is told as not ok, and the story ends there."""

    console: Console
    steps: list[Told] = field(default_factory=list)

    @contextmanager
    def step(self, name: str, title: str, working: str) -> Iterator[None]:
        """One step: its title, a spinner while it works, its time at the end."""
        told = Told(name)
        self.steps.append(told)
        number = len(self.steps)
        started = time.monotonic()
        self.console.print(f"[bold cyan]{number}[/] [bold]{title}[/]", soft_wrap=True)
        try:
            with self.console.status(f"{working}…"):
                yield
            told.ok = True
        finally:
            told.seconds = round(time.monotonic() - started, 3)

    def say(self, text: str) -> None:
        self.console.print(f"  {text}", soft_wrap=True)

    def table(self, headings: list[str], rows: list[list[str]]) -> None:
        """One line a row, whatever the width: the line is cut short at the end, so the last column should be the one to lose."""
        widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
        for number, row in enumerate([headings, *rows]):
            line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.console.print(f"  {line}", style="bold" if number == 0 else "", no_wrap=True, overflow="ellipsis", markup=False, crop=True)

    def facts(self, **more: Any) -> JsonObject:
        """The same for machines."""
        return {"steps": [{"name": told.name, "ok": told.ok, "seconds": told.seconds} for told in self.steps], **more}
