"""Intervals on a line."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from lifecycle.desk.plots.strips import Bound, Mark, axis, bar, interval, legend_mark, marks, scale_of
from lifecycle.records.evidence import Measurement

SHARES = st.floats(0.0, 1.0)
MEASURED = st.tuples(SHARES, SHARES, SHARES).map(sorted).map(lambda found: Measurement(low=found[0], value=found[1], high=found[2], n=100))


def drawn(svg: str) -> ET.Element:
    return ET.fromstring(svg)


def one(svg: str, class_: str) -> dict[str, float]:
    """The numbers of the one element of a class."""
    (found,) = [part for part in drawn(svg).iter() if part.get("class") == class_]
    return {name: float(value) for name, value in found.attrib.items() if name not in ("class", "points")}


@given(MEASURED, SHARES)
def test_the_bar_reaches_from_the_low_to_the_high_end(found: Measurement, limit: float) -> None:
    """The interval, the value in it, and the limit all stand where the scale puts them."""
    scale = scale_of([found], limit)
    svg = interval(found, scale, bound=Bound(limit, "least"))
    box, dot, line = one(svg, "bar"), one(svg, "value"), one(svg, "limit")
    assert abs(box["x"] - scale.at(found.low)) <= 0.06
    assert abs(box["x"] + box["width"] - max(scale.at(found.high), scale.at(found.low) + 2.0)) <= 0.11
    assert box["x"] - 0.06 <= dot["cx"] <= scale.at(found.high) + 0.06
    assert abs(line["x1"] - scale.at(limit)) <= 0.06


def test_the_forbidden_side_is_the_side_of_the_limit() -> None:
    """Below what is wanted at least; above what is permitted at most."""
    found = Measurement(value=0.5, low=0.4, high=0.6, n=10)
    scale = scale_of([found], 0.45)
    least, most = (one(interval(found, scale, bound=Bound(0.45, kind)), "forbidden") for kind in ("least", "most"))
    at = scale.at(0.45)
    assert least["x"] == 0.0
    assert abs(least["width"] - at) <= 0.06
    assert abs(most["x"] - at) <= 0.06
    assert abs(most["x"] + most["width"] - 320.0) <= 0.11


def test_a_difference_shows_where_nothing_differs() -> None:
    """The line of no difference stands only in a strip of differences that has it within its scale."""
    found = Measurement(value=-0.01, low=-0.03, high=0.01, n=10)
    scale = scale_of([found])
    assert one(interval(found, scale, zero=True), "zero")["x1"] == round(scale.at(0.0), 1)
    assert "zero" not in interval(found, scale)
    above = Measurement(value=0.5, low=0.4, high=0.6, n=10)
    assert 'class="zero"' not in interval(above, scale_of([above]), zero=True)


def test_strips_are_hidden_from_screen_readers_and_carry_no_style() -> None:
    """The table beside them has their numbers; the content-security policy would drop inline style."""
    found = Measurement(value=0.5, low=0.4, high=0.6, n=10)
    scale = scale_of([found])
    for svg in (
        interval(found, scale),
        axis(scale),
        bar(0.5, scale),
        marks([Mark(0.5, "square"), None], scale),
        legend_mark("triangle", 2),
    ):
        root = drawn(svg)
        assert root.get("aria-hidden") == "true"
        assert root.get("focusable") == "false"
        assert not [part for part in root.iter() if "style" in part.attrib or part.tag in ("style", "script")]


def test_a_mark_keeps_its_number_where_another_is_missing() -> None:
    """What is not known is left out, and takes no other's colour."""
    svg = marks([None, Mark(0.3, "triangle")], scale_of([], 0.0, 1.0))
    assert "series-2" in svg
    assert "series-1" not in svg
