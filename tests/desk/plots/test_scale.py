"""From values to places on a line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.desk.plots.scale import Scale

VALUES = st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=1, max_size=6)


@given(VALUES)
def test_every_value_has_its_place(values: list[float]) -> None:
    """A scale holds what it was made around, from one end to the other, and a greater value never stands further left."""
    scale = Scale.around(values, left=16.0, right=304.0)
    unseen = 1e-6 * (scale.high - scale.low)
    assert scale.low <= min(values) + unseen
    assert scale.high >= max(values) - unseen
    places = [scale.at(value) for value in sorted(values)]
    assert places == sorted(places)
    assert all(16.0 <= place <= 304.0 for place in places)


@given(VALUES)
def test_a_scale_has_room_for_its_ticks(values: list[float]) -> None:
    """Both ends are ticks, there are six at most, and no two read the same."""
    scale = Scale.around(values, left=0.0, right=100.0)
    assert 2 <= len(scale.ticks) <= 6
    assert [round(scale.at(tick), 3) for tick in (scale.ticks[0], scale.ticks[-1])] == [0.0, 100.0]
    labels = [scale.label(tick) for tick in scale.ticks]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ((0.812, 0.864, 0.78), ["0.78", "0.80", "0.82", "0.84", "0.86", "0.88"]),
        ((0.4, 0.51), ["0.400", "0.425", "0.450", "0.475", "0.500", "0.525"]),
        ((0.0, 1.0), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ((3.0,), ["2.8", "2.9", "3.0", "3.1", "3.2"]),
    ],
)
def test_ticks_are_round(values: tuple[float, ...], labels: list[str]) -> None:
    """People count in ones, twos, two and a halves and fives."""
    scale = Scale.around(values, left=0.0, right=1.0)
    assert [scale.label(tick) for tick in scale.ticks] == labels


def test_differences_carry_their_sign() -> None:
    """A plus and a real minus; nothing has neither."""
    scale = Scale.around([-0.03, 0.02], left=0.0, right=1.0)
    assert [scale.label(tick, signed=True) for tick in scale.ticks] == ["−0.03", "−0.02", "−0.01", "0.00", "+0.01", "+0.02"]


def test_what_lies_outside_is_drawn_at_the_end() -> None:
    """A value beyond a scale does not leave the picture."""
    scale = Scale.around([0.0, 1.0], left=10.0, right=20.0)
    assert (scale.at(-5.0), scale.at(7.0)) == (10.0, 20.0)


def test_a_scale_around_nothing_is_refused() -> None:
    """Without a value there is no scale; what is no number is no value."""
    with pytest.raises(ValueError, match="needs a value"):
        Scale.around([float("nan")], left=0.0, right=1.0)
