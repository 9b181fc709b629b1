"""One interval on a line: the bar from its low to its high end, the value as a dot, and the limit that it may not cross.

A strip is one row of a table that has the same numbers in words, so it is hidden from screen readers. Strips of one table share a scale,
which `axis` writes into the table's head.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from lifecycle.desk.plots.scale import Scale
from lifecycle.desk.plots.svg import drawing, element, line, text
from lifecycle.records.evidence import Measurement

#: The width of a strip and the room at both ends, for a dot or a label that stands at the very end.
WIDTH, ROOM = 320.0, 16.0
_STRIP, _AXIS, _MIDDLE = 26.0, 18.0, 13.0

Tone = Literal["plain", "good", "bad", "waiting"]


@dataclass(frozen=True)
class Bound:
    """A limit: `least` where what is lower is beyond it, `most` where what is higher is."""

    value: float
    kind: Literal["least", "most"]


@dataclass(frozen=True)
class Mark:
    """A value on a strip, by its shape."""

    value: float
    shape: Literal["dot", "diamond", "triangle", "square"]


def scale_of(measured: Sequence[Measurement], *others: float | None) -> Scale:
    """A scale that holds these intervals and these other values."""
    values = [value for found in measured for value in (found.low, found.value, found.high)]
    return Scale.around([*values, *(value for value in others if value is not None)], left=ROOM, right=WIDTH - ROOM)


def axis(scale: Scale, *, signed: bool = False, below: bool = False) -> Markup:
    """The ticks of a scale with their values: above the strips of a table, or `below` a strip that has a scale of its own."""
    base, top = (14.0, 0.0) if below else (11.0, 14.0)
    parts = [text(scale.at(tick), base, scale.label(tick, signed=signed), "tick") for tick in scale.ticks]
    return drawing(WIDTH, _AXIS, [*parts, *_ticks(scale, top, top + 4.0)], class_="axis")


def interval(
    found: Measurement,
    scale: Scale,
    *,
    bound: Bound | None = None,
    reference: float | None = None,
    tone: Tone = "plain",
    zero: bool = False,
) -> Markup:
    """The strip of one interval. `reference` is what it is compared with (a hollow diamond), `zero` draws the line of no difference."""
    parts = [*_ground(scale, bound)]
    if zero and scale.low < 0.0 < scale.high:
        parts.append(line(scale.at(0.0), 1.0, scale.at(0.0), _STRIP - 1.0, "zero"))
    left, right = scale.at(found.low), scale.at(found.high)
    parts.append(element("rect", x=left, y=_MIDDLE - 4.5, width=max(right - left, 2.0), height=9.0, rx=4.5, class_="bar"))
    if reference is not None:
        parts.append(_shape(Mark(reference, "diamond"), scale, "reference"))
    parts.append(_shape(Mark(found.value, "dot"), scale, "value"))
    return drawing(WIDTH, _STRIP, parts, class_=f"strip is-{tone}")


def bar(value: float, scale: Scale, *, bound: Bound | None = None, tone: Tone = "plain") -> Markup:
    """The strip of one value without an interval, as a bar from the scale's start."""
    width = max(scale.at(value) - scale.at(scale.low), 1.5)
    parts = [*_ground(scale, bound), element("rect", x=scale.left, y=_MIDDLE - 4.5, width=width, height=9.0, rx=2.0, class_="value")]
    return drawing(WIDTH, _STRIP, parts, class_=f"strip is-{tone}")


def marks(shown: Sequence[Mark | None], scale: Scale) -> Markup:
    """Several values on one line, told apart by their shapes; what is None is left out. The same order gives the same colours."""
    parts = [*_ground(scale, None)]
    parts += [_shape(mark, scale, f"series-{number}") for number, mark in enumerate(shown, 1) if mark is not None]
    return drawing(WIDTH, _STRIP, parts, class_="strip marks")


def legend_mark(mark: Literal["dot", "diamond", "triangle", "square"], number: int) -> Markup:
    """One shape by itself, for a legend; numbered as in `marks`."""
    alone = Scale(0.0, 1.0, 0.0, 16.0, 1.0)
    return drawing(16.0, _STRIP, [_shape(Mark(0.5, mark), alone, f"series-{number}")], class_="legend-mark")


def _ground(scale: Scale, bound: Bound | None) -> Iterator[Markup]:
    """The line itself, its ticks, and the side that a limit forbids."""
    if bound is not None:
        at = scale.at(bound.value)
        start, end = (0.0, at) if bound.kind == "least" else (at, WIDTH)
        yield element("rect", x=start, y=1.0, width=max(end - start, 0.0), height=_STRIP - 2.0, class_="forbidden")
    yield line(scale.left, _MIDDLE, scale.right, _MIDDLE, "ground")
    yield from _ticks(scale, _MIDDLE - 3.0, _MIDDLE + 3.0)
    if bound is not None:
        yield line(scale.at(bound.value), 0.0, scale.at(bound.value), _STRIP, "limit")


def _ticks(scale: Scale, top: float, bottom: float) -> list[Markup]:
    return [line(scale.at(tick), top, scale.at(tick), bottom, "tick-line") for tick in scale.ticks]


def _shape(mark: Mark, scale: Scale, class_: str) -> Markup:
    x, y = scale.at(mark.value), _MIDDLE
    if mark.shape == "dot":
        return element("circle", cx=x, cy=y, r=5.0, class_=class_)
    if mark.shape == "square":
        return element("rect", x=x - 4.5, y=y - 4.5, width=9.0, height=9.0, class_=class_)
    corners = {
        "diamond": ((x, y - 6.5), (x + 6.5, y), (x, y + 6.5), (x - 6.5, y)),
        "triangle": ((x, y - 6.0), (x + 6.0, y + 5.0), (x - 6.0, y + 5.0)),
    }[mark.shape]
    return element("polygon", points=" ".join(f"{across:.1f},{down:.1f}" for across, down in corners), class_=class_)
