"""Signs of copied rows and of labels turned over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lifecycle.data import poisoning
from lifecycle.data.poisoning import duplicate_rows, suspected_label_flips
from tests.data.rows import loans, spec_of

SPEC = spec_of(Path("loans.csv"))


def turned_over(positive: np.ndarray, share: float) -> np.ndarray:
    chosen = np.random.default_rng(3).choice(len(positive), int(share * len(positive)), replace=False)
    flipped = positive.copy()
    flipped[chosen] = ~flipped[chosen]
    return flipped


def clear_cut(rows: int = 1_000) -> tuple[pd.DataFrame, np.ndarray]:
    """Loans whose outcome is plain from the income, so that honest labels have honest neighbours."""
    frame = loans(rows=rows).assign(job="fixed", town="north", amount=1.0)
    frame["income"] = frame["income"].fillna(0.0)
    return frame, (frame["income"] > 110.0).to_numpy()


def test_copies_are_counted_beyond_the_first() -> None:
    """Three rows alike are two duplicates."""
    frame = loans()
    assert duplicate_rows(frame) == 0
    assert duplicate_rows(pd.concat([frame, frame.iloc[[5, 5, 9]]])) == 3


def test_honest_clear_labels_are_not_suspected() -> None:
    """Where the outcome is plain, hardly a row is suspected."""
    frame, positive = clear_cut()
    assert suspected_label_flips(SPEC, frame, positive) < 0.02 * len(frame)


def test_labels_that_were_turned_over_are_suspected() -> None:
    """Of plain labels that were turned over, most are found; the count is about their number."""
    frame, positive = clear_cut()
    found = suspected_label_flips(SPEC, frame, turned_over(positive, 0.1))
    assert 0.08 * len(frame) < found < 0.13 * len(frame)


def test_the_sign_grows_with_the_poison() -> None:
    """In data that is hard to tell apart, more labels turned over give a higher count."""
    frame = loans(rows=2_000)
    positive = (frame["paid"] == "yes").to_numpy()
    counts = [suspected_label_flips(SPEC, frame, turned_over(positive, share)) for share in (0.0, 0.1, 0.2)]
    assert counts[0] < counts[1] < counts[2]


def test_too_few_rows_or_one_outcome_are_no_sign() -> None:
    """Where there are no neighbours to ask, or nothing to disagree about, nobody is suspected."""
    frame, positive = clear_cut()
    assert suspected_label_flips(SPEC, frame.head(20), positive[:20]) == 0
    assert suspected_label_flips(SPEC, frame, np.ones(len(frame), dtype=bool)) == 0


def test_a_sample_stands_for_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the bound on rows a sample is judged, and its count is scaled to all of them."""
    frame, positive = clear_cut(2_000)
    flipped = turned_over(positive, 0.1)
    everything = suspected_label_flips(SPEC, frame, flipped)
    monkeypatch.setattr(poisoning, "MOST_ROWS", 1_000)
    assert abs(suspected_label_flips(SPEC, frame, flipped) - everything) < 0.3 * everything
