"""How many of something, in words."""

from __future__ import annotations

import pytest

from lifecycle.records.counted import counted


@pytest.mark.parametrize(
    ("count", "words", "told"),
    [
        (0, ("record",), "0 records"),
        (1, ("record",), "1 record"),
        (1_204, ("run event",), "1,204 run events"),
        (1, ("registry of people", "registries of people"), "1 registry of people"),
        (2, ("row is", "rows are"), "2 rows are"),
    ],
)
def test_one_of_something_is_not_told_as_many(count: int, words: tuple[str, ...], told: str) -> None:
    """An s is added for any number but one, or the form that was given."""
    assert counted(count, *words) == told
