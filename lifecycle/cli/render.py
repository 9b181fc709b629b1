"""Everything that the command line prints goes through here: tables, JSON, notes, and errors.

Answers go to standard output; notes and errors go to standard error, so that an answer can be piped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lifecycle.errors import LifecycleError, Refused

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

#: The width of what is not a terminal, in characters.
UNBOUND_WIDTH = 240
#: How a state, an outcome or an arm looks. What is not listed is plain.
STYLES = {
    "serving": "bold green",
    "allowed": "green",
    "allow": "green",
    "ok": "green",
    "evidence": "green",
    "running": "green",
    "in force": "green",
    "open": "yellow",
    "void": "red",
    "rolling_out": "cyan",
    "canary": "cyan",
    "shadow": "blue",
    "holdout": "cyan",
    "waiting": "yellow",
    "needs_approval": "yellow",
    "gap": "yellow",
    "evaluated": "blue",
    "trained": "blue",
    "denied": "red",
    "deny": "red",
    "failed": "red",
    "revoked": "bold red",
    "rolled_back": "magenta",
    "expired": "dim",
    "superseded": "dim",
    "retired": "dim",
}


def console(*, error: bool = False) -> Console:
    """A console on what is standard output (or error) now; colours and width follow the terminal.

    Where there is none (a pipe, a file) a table gets the width that it needs: whoever searches in it finds whole words.
    """
    from lifecycle.cli.terminal import Terminal

    drawn = Terminal(stderr=error, highlight=False)
    return drawn if drawn.is_terminal or "COLUMNS" in os.environ else Terminal(stderr=error, highlight=False, width=UNBOUND_WIDTH)


def show(what: RenderableType) -> None:
    """Prints anything that rich can draw: a tree, a panel, text."""
    console().print(what)


def line(text: str = "") -> None:
    """Prints one line of an answer as it is; nothing in it is read as markup."""
    console().print(text, markup=False, soft_wrap=True)


def note(text: str) -> None:
    """Says something beside the answer, on standard error."""
    console(error=True).print(text, markup=False, soft_wrap=True, style="dim")


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None, empty: str = "Nothing to show.") -> None:
    """Prints rows under headings. States are coloured, numbers stand to the right, None is a dash.

    Where there are no rows it prints `empty` instead. Cells are never read as markup.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    listed = [list(row) for row in rows]
    if not listed:
        line(empty)
        return
    drawn = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for position, heading in enumerate(columns):
        numeric = all(isinstance(row[position], int | float) and not isinstance(row[position], bool) for row in listed)
        drawn.add_column(heading, justify="right" if numeric else "left", overflow="fold")
    for row in listed:
        drawn.add_row(*(cell(value) for value in row))
    console().print(drawn)


def cell(value: object) -> Text:
    """One value as a table shows it."""
    from rich.text import Text

    if value is None:
        return Text("–", style="dim")
    if isinstance(value, bool):
        return Text("yes" if value else "no", style="green" if value else "red")
    if isinstance(value, float):
        return Text(f"{value:.4g}")
    if isinstance(value, str):
        return Text(value.replace("_", " ") if value in STYLES else value, style=STYLES.get(value, ""))
    return value if isinstance(value, Text) else Text(str(value))


def measured(text: str) -> str:
    """What a rule observed or allows, as a table shows it: a number that is no whole one to four figures, anything else as it is."""
    try:
        number = float(text)
    except ValueError:
        return text
    return text if number.is_integer() else f"{number:.4g}"


def as_json(value: Any) -> None:
    """Prints one JSON value, for programs: two spaces, real Unicode, never wrapped or coloured."""
    import click

    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def version_fields(model: str, version: int) -> dict[str, str | int]:
    """A version as every JSON answer has it: model and number apart, and the name that people and commands use."""
    return {"model": model, "version": version, "name": f"{model}:{version}"}


def moment(at_us: int) -> str:
    """A time in microseconds as a person reads it: UTC, to the second."""
    return datetime.fromtimestamp(at_us / 1_000_000, tz=UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def short(digest: str | None) -> str | None:
    """The first twelve hex digits of a digest, enough for a person to tell two apart."""
    return None if digest is None else digest.removeprefix("sha256:")[:12]


def failure(error: LifecycleError) -> int:
    """Prints what happened and what to do next, and returns the exit code. The one place that does."""
    from rich.text import Text

    said = Text.assemble(("Error: ", "bold red"), error.what)
    if isinstance(error, Refused) and error.rules:
        said.append(f" [{', '.join(error.rules)}]", style="red")
    said.append("\n  Next: ", style="bold")
    said.append(error.next_step)
    console(error=True).print(said, soft_wrap=True)
    return error.exit_code
