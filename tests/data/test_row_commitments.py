"""Commitments to rows: each row is held against its own, and a row that is gone takes its salt with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifecycle.artifacts.store import ArtifactStore
from lifecycle.data.columnar import parquet_bytes, read_dataset, read_rows
from lifecycle.data.ingestion import ingest
from lifecycle.data.row_commitments import OpenRows, RowCommitments, commit_to_rows, open_rows, same_rows, singular_columns
from lifecycle.errors import InvalidDeclaration, Tampered
from lifecycle.records.record import Digest
from tests.data.rows import loans, spec_of, written


def committed(store: ArtifactStore, frame: pd.DataFrame, subjects: list[str | None] | None = None) -> tuple[Digest, RowCommitments]:
    dataset = store.put(parquet_bytes(frame))
    return dataset, RowCommitments.read(store, commit_to_rows(store, dataset, frame, subjects))


def small() -> pd.DataFrame:
    return pd.DataFrame({"row_id": range(4), "split": "train", "income": [1.0, float("nan"), -0.0, 1e-7], "job": ["a", None, "ü", "a"]})


def test_every_row_opens_its_commitment(store: ArtifactStore) -> None:
    """Numbers, missing values and texts alike, after a round trip through Parquet."""
    _, commitments = committed(store, small())
    opened = open_rows(store, commitments)
    assert tuple(opened.commitments()) == commitments.commitments
    assert opened.numbers == (0, 1, 2, 3)
    assert opened.subjects is None


def test_what_an_erasure_leaves_still_opens_its_commitments(store: ArtifactStore) -> None:
    """Rows keep their numbers, so each is held against the commitment that it had."""
    _, commitments = committed(store, small(), ["ann", None, "bo", "ann"])
    left = open_rows(store, commitments).without({0, 3})
    remaining = store.put(left.to_parquet())
    again = open_rows(store, commitments, remaining)
    assert again.numbers == (1, 2)
    assert again.subjects == (None, "bo")
    assert list(read_dataset(store, remaining).columns) == ["row_id", "split", "income", "job"]
    assert set(read_rows(store, remaining).columns) - set(read_dataset(store, remaining).columns) == {"row_salt", "row_subject"}


def test_the_same_rows_leave_the_same_bytes(store: ArtifactStore) -> None:
    """An erasure that was interrupted finds the artifact that it had made."""
    _, commitments = committed(store, small())
    opened = open_rows(store, commitments)
    assert opened.without({1}).to_parquet() == opened.without({1}).to_parquet()


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame.assign(income=frame["income"].fillna(3.0)),
        lambda frame: frame.assign(job=frame["job"].fillna("")),
        lambda frame: frame.assign(row_id=[1, 0, 2, 3]),
        lambda frame: frame.assign(row_id=[0, 1, 2, 9]),
        lambda frame: frame.assign(split="test"),
    ],
    ids=["a value", "an empty text for a missing one", "two rows change places", "a number that there is none of", "its split"],
)
def test_a_row_that_was_changed_does_not_open_its_commitment(store: ArtifactStore, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """What is left of a dataset version after an erasure can't be swapped for other rows."""
    _, commitments = committed(store, small())
    opened = open_rows(store, commitments)
    changed = OpenRows(change(opened.frame), opened.salts, None)
    remaining = store.put(changed.to_parquet())
    with pytest.raises(Tampered, match="is not the row that was committed to"):
        open_rows(store, commitments, remaining)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(st.tuples(st.floats(allow_infinity=False), st.text(alphabet=st.characters(codec="utf-8"))), min_size=1, max_size=8),
    gone=st.sets(st.integers(min_value=0, max_value=9)),
)
def test_any_row_can_go_and_any_other_is_proven(store: ArtifactStore, values: list[tuple[float, str]], gone: set[int]) -> None:
    """For whatever rows and whichever of them go: the rest open the commitments that they had."""
    frame = pd.DataFrame({"row_id": range(len(values)), "split": "test", "x": [x for x, _ in values], "t": [t for _, t in values]})
    _, commitments = committed(store, frame)
    remaining = store.put(open_rows(store, commitments).without(gone).to_parquet())
    assert open_rows(store, commitments, remaining).numbers == tuple(number for number in range(len(values)) if number not in gone)


def test_the_same_row_is_found_in_another_version(store: ArtifactStore) -> None:
    """By what it says, in whichever place it stands there."""
    frame = small()
    other = pd.concat([frame.iloc[[2, 0]], frame.iloc[[0]]]).assign(row_id=[0, 1, 2], split="test")
    assert same_rows(frame, {0}, other) == (1, 2)
    assert same_rows(frame, {1}, other) == ()


def test_what_only_one_row_says_is_told() -> None:
    """The smallest and the largest number, and a text that no other row has; not what is lost in a crowd, nor what is missing."""
    frame = pd.DataFrame(
        {"row_id": range(5), "split": "train", "n": [1.0, 5.0, 9.0, 9.0, float("nan")], "t": ["a", "b", "b", "a", "only"], "c": 7.0}
    )
    told = {row: singular_columns(frame, {row}) for row in range(5)}
    assert told == {0: ("n",), 1: (), 2: (), 3: (), 4: ("t",)}
    assert singular_columns(frame, {2, 3}) == ("n",)
    assert singular_columns(frame, set(range(5))) == ("n", "t", "c")


def test_whom_a_row_is_about_lies_beside_the_rows(tmp_path: Path, store: ArtifactStore) -> None:
    """The declared subject stands in no dataset version and can be found by."""
    frame = loans().assign(customer=[f"customer-{number % 50}" for number in range(400)])
    ingested = ingest(written(frame, tmp_path, subject="customer"), store)
    assert "customer" not in read_dataset(store, ingested.dataset_digest).columns
    assert ingested.body.row_commitments_digest is not None
    opened = open_rows(store, RowCommitments.read(store, ingested.body.row_commitments_digest))
    assert opened.subjects is not None
    assert opened.subjects[:2] == ("customer-0", "customer-1")


@pytest.mark.parametrize("change", [{"subject": "income"}, {"subject": "paid"}, {"subject": "age"}, {"subject": "row_salt"}])
def test_a_subject_is_nothing_to_learn_from(tmp_path: Path, change: dict[str, str]) -> None:
    """It is neither a feature nor the outcome, nor read as a number, nor named like a column of ours."""
    with pytest.raises(InvalidDeclaration, match=r"subject|kept for"):
        spec_of(tmp_path / "loans.csv", **change)
