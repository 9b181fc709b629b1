"""An index as a PDF, for whoever files paper: the same content as the page, the same bytes each time, and no browser."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from lifecycle.evidence.index.document import Block, Cell, Commands, Document, Facts, Paragraph, Text, Tone, cells

#: Of the page's width, in points: A4 less its margins.
_WIDTH = 483.0
_MARGIN = 56.0
_COLOURS: dict[Tone, str] = {"plain": "#18222d", "good": "#14653b", "bad": "#9b1c15", "waiting": "#7a5200", "quiet": "#5a6a7a"}
_LINE, _LINK = "#d3dae2", "#0b5cad"
#: A heading begins a new page where there is less room than this, in points, below it.
_ROOM = 110.0


def paper_of(index: Document) -> bytes:
    """The PDF. It carries no time and no name of a machine."""
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import CondPageBreak, SimpleDocTemplate, Spacer
    from reportlab.platypus import Paragraph as Drawn

    target = io.BytesIO()
    template = SimpleDocTemplate(
        target,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=52,
        bottomMargin=52,
        title=_plain(f"{index.title}: evidence"),
        author=_plain(index.kicker),
        invariant=1,
    )
    styles = _styles()
    story: list[Any] = [
        Drawn(_text(index.kicker), styles["kicker"]),
        Drawn(_text(index.title), styles["title"]),
        Drawn(_text(index.lead), styles["lead"]),
        Drawn("&nbsp;&nbsp;&middot;&nbsp;&nbsp;".join(_piece(mark) for mark in index.marks), styles["body"]),
        Spacer(1, 8),
    ]
    for section in index.sections:
        story += [CondPageBreak(_ROOM), Drawn(_text(section.title), styles["heading"])]
        for block in section.blocks:
            story += _drawn(block, styles)
    story += [Spacer(1, 10), Drawn(_text(index.footer), styles["kicker"])]
    number = _numbered(index)
    template.build(story, onFirstPage=number, onLaterPages=number)
    return target.getvalue()


def _styles() -> dict[str, Any]:
    from reportlab.lib.styles import ParagraphStyle

    body = ParagraphStyle("body", fontName="Helvetica", fontSize=9, leading=12.5, textColor=_COLOURS["plain"], spaceAfter=4)
    return {
        "body": body,
        "kicker": ParagraphStyle("kicker", body, fontSize=8, textColor=_COLOURS["quiet"]),
        "title": ParagraphStyle("title", body, fontName="Helvetica-Bold", fontSize=22, leading=27, spaceAfter=4),
        "lead": ParagraphStyle("lead", body, fontSize=10, leading=14, textColor=_COLOURS["quiet"], spaceAfter=8),
        "heading": ParagraphStyle("heading", body, fontName="Helvetica-Bold", fontSize=12.5, leading=16, spaceBefore=12, keepWithNext=1),
        "small": ParagraphStyle("small", body, fontSize=7.6, leading=10, spaceAfter=0),
        "head": ParagraphStyle("head", body, fontSize=7.4, leading=10, textColor=_COLOURS["quiet"], spaceAfter=0),
        "command": ParagraphStyle("command", body, fontName="Courier", fontSize=8, leading=11.5, leftIndent=8),
    }


def _drawn(block: Block, styles: dict[str, Any]) -> list[Any]:
    from reportlab.platypus import Paragraph as Drawn
    from reportlab.platypus import Spacer

    if isinstance(block, Paragraph):
        return [Drawn(f'<font color="{_COLOURS[block.tone]}">{_text(block.text)}</font>', styles["body"])]
    if isinstance(block, Commands):
        return [Drawn("<br/>".join(_text(line).replace("  ", "&nbsp;&nbsp;") for line in block.lines), styles["command"])]
    if isinstance(block, Facts):
        rows = [
            [Drawn(_text(name), styles["head"]), Drawn("&nbsp; &middot; &nbsp;".join(map(_piece, pieces)), styles["small"])]
            for name, pieces in block.rows
        ]
        return [_grid(rows, (22, 78), ruled=False), Spacer(1, 4)]
    head = [Drawn(_text(column), styles["head"]) for column in block.columns]
    return [
        _grid([head, *([Drawn(_piece(one), styles["small"]) for one in row] for row in block.rows)], block.widths, ruled=True),
        Spacer(1, 6),
    ]


def _grid(rows: list[list[Any]], widths: tuple[int, ...], *, ruled: bool) -> Any:
    from reportlab.platypus import Table as Grid
    from reportlab.platypus import TableStyle

    style: list[tuple[Any, ...]] = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), 6),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
    ]
    if ruled:
        style.append(("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE))
    shares = [width * _WIDTH / sum(widths) for width in widths]
    return Grid(rows, colWidths=shares, style=TableStyle(style), repeatRows=1 if ruled else 0, hAlign="LEFT", splitInRow=1)


def _piece(text: Text) -> str:
    return "".join(map(_cell, cells(text)))


def _cell(one: Cell) -> str:
    # A long word is broken where its column ends, and by no blank: it can be copied.
    shown = f'<font face="Courier" size="7">{_text(one.text)}</font>' if one.code else _text(one.text)
    if one.link is not None:
        # Beside the paper lies the rest of the pack.
        shown = f'<a href="{quote(one.link)}" color="{_LINK}">{shown}</a>'
    return f'<font color="{_COLOURS[one.tone]}">{shown}</font>'


def _numbered(index: Document) -> Callable[[Any, Any], None]:
    def number(canvas: Any, template: Any) -> None:
        canvas.saveState()
        canvas.setFont("Helvetica", 7.5)
        canvas.setFillColor(_COLOURS["quiet"])
        canvas.drawString(_MARGIN, 30, _plain(f"{index.kicker}: {index.title}"))
        canvas.drawRightString(_MARGIN + _WIDTH, 30, str(template.page))
        canvas.restoreState()

    return number


def _text(text: str) -> str:
    return escape(_plain(text))


def _plain(text: str) -> str:
    """What the fonts that every reader has can show (Windows-1252); the page has the rest."""
    return text.replace("\u2192", "->").replace("\u2212", "-").encode("cp1252", "replace").decode("cp1252")
