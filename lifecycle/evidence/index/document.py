"""What an index consists of, whatever it is drawn on: sections of facts, tables and paragraphs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tone = Literal["plain", "good", "bad", "waiting", "quiet"]


@dataclass(frozen=True)
class Cell:
    """A piece of text: where it leads within the pack, and how it is meant."""

    text: str
    link: str | None = None
    tone: Tone = "plain"
    #: Drawn as what is copied and not read: a digest, a command.
    code: bool = False


@dataclass(frozen=True)
class Line:
    """Several of them, one after the other."""

    cells: tuple[Cell, ...]


Text = str | Cell | Line


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True)
class Facts:
    """Names, and what each is."""

    rows: tuple[tuple[str, tuple[Text, ...]], ...]


@dataclass(frozen=True)
class Table:
    """Rows under headings; `widths` are the shares of the columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Text, ...], ...]
    widths: tuple[int, ...]


@dataclass(frozen=True)
class Commands:
    """Lines for a terminal."""

    lines: tuple[str, ...]


Block = Paragraph | Facts | Table | Commands


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it. Nothing under it means that it is left out."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """An index."""

    kicker: str
    title: str
    lead: str
    #: What the reader wants to know first: short, and how it is meant.
    marks: tuple[Cell, ...]
    sections: tuple[Section, ...]
    footer: str


def cells(text: Text) -> tuple[Cell, ...]:
    """The cells of a text."""
    if isinstance(text, Line):
        return text.cells
    return (text if isinstance(text, Cell) else Cell(text),)
