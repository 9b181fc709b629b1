"""Markdown in which nothing that stands in a record is read as markup."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from lifecycle.records.evidence import Measurement

#: What Markdown gives a meaning to within a line, and what it gives one to where a line begins.
_WITHIN, _FIRST = re.compile(r"([\\`*_\[\]|~$])"), re.compile(r"(?=[#>+=-])|\d+(?=[.)](\s|$))")
#: What stands where there is nothing.
NOTHING = "–"


def text(value: object) -> str:
    """A value as it is: on one line, with everything escaped that Markdown or HTML would read."""
    said = " ".join(str(value).split())
    escaped = html.escape(_WITHIN.sub(r"\\\1", said), quote=False)
    first = _FIRST.match(escaped)
    # Of a number it is the sign behind it that would make a list: nothing else that begins with one is escaped, a version above all.
    return escaped if first is None else escaped[: first.end()] + "\\" + escaped[first.end() :]


def code(value: object) -> str:
    """A name, a digest or a command in code. What would end the code is left out."""
    return "`" + " ".join(str(value).replace("`", "'").replace("|", "¦").split()) + "`"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], empty: str) -> str:
    """A table of cells that are Markdown already; `empty`, a sentence, where there are no rows."""
    drawn = ["| " + " | ".join(row) + " |" for row in rows]
    if not drawn:
        return empty
    return "\n".join(["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns), *drawn])


def record(index: int) -> str:
    """Where it stands: the index of a record in the ledger."""
    return f"record {index}"


def measured(value: Measurement | None) -> str:
    """A value with its interval."""
    return NOTHING if value is None else f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"


def share(value: float | None) -> str:
    """A share in percent."""
    return NOTHING if value is None else f"{value * 100:.1f} %"
