from __future__ import annotations

import numpy as np
import pandas as pd

from lifecycle.evaluation.slicing import groups_of

REFERENCE = pd.DataFrame({"years": np.arange(100.0), "home": ["rent"] * 100})


def sizes(column: str, rows: pd.DataFrame) -> dict[str, int]:
    return {group.name: group.n for group in groups_of(column, rows, REFERENCE)}


def test_a_category_is_sliced_by_its_values() -> None:
    """Missing is a group; a value that no row has is none."""
    rows = pd.DataFrame({"home": ["rent", "owner", None, "rent"]})
    assert sizes("home", rows) == {"owner": 1, "rent": 2, "missing": 1}


def test_a_number_is_sliced_by_the_quartiles_of_the_training_rows() -> None:
    """And not by those of the rows that are judged."""
    rows = pd.DataFrame({"years": [0.0, 1.0, 30.0, 60.0, 99.0, np.nan]})
    assert sizes("years", rows) == {"below 24.75": 2, "24.75 to 49.5": 1, "49.5 to 74.25": 1, "from 74.25": 1, "missing": 1}


def test_every_row_is_in_exactly_one_group() -> None:
    """Whatever it holds."""
    rows = pd.DataFrame({"years": np.r_[np.random.default_rng(1).normal(50, 30, 200), [np.nan] * 9]})
    masks = np.array([group.rows for group in groups_of("years", rows, REFERENCE)])
    assert (masks.sum(axis=0) == 1).all()


def test_a_number_with_few_values_has_fewer_slices() -> None:
    """Quartiles that fall together are one edge."""
    reference = pd.DataFrame({"children": [0.0] * 80 + [1.0] * 20})
    names = [group.name for group in groups_of("children", pd.DataFrame({"children": [0.0, 1.0]}), reference)]
    assert names == ["from 0"]
