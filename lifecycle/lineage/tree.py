"""An outline as a tree on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecycle.lineage.outline import Outline, Tone
from lifecycle.lineage.reading import short

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree

STYLES: dict[Tone, str] = {"plain": "bold", "good": "bold green", "bad": "bold red", "waiting": "bold yellow"}


def tree_of(outline: Outline) -> Tree:
    """A rich tree. Text from the ledger is shown as it is: nothing in it is read as markup."""
    from rich.tree import Tree

    tree = Tree(_line(outline), guide_style="dim")
    _grow(tree, outline)
    return tree


def _grow(tree: Tree, outline: Outline) -> None:
    for child in outline.children:
        _grow(tree.add(_line(child)), child)


def _line(outline: Outline) -> Text:
    from rich.text import Text

    line = Text(outline.what, style=STYLES[outline.tone])
    if outline.digest is not None:
        line.append(f"  {short(outline.digest)}", style="cyan")
    if outline.detail:
        line.append(f"  {outline.detail}", style="not bold default")
    if outline.index is not None:
        line.append(f"  #{outline.index}", style="dim")
    return line
