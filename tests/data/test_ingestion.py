"""Ingestion: a dataset version by digest, or a rejection that names the rows and stores nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from lifecycle.artifacts.store import ArtifactStore
from lifecycle.data.columnar import read_dataset
from lifecycle.data.ingestion import Earlier, ingest
from lifecycle.data.rejection import DatasetNotAccepted
from lifecycle.data.spec import SPLIT_NAMES, Band, Contract
from lifecycle.data.splits import identity_hashes
from lifecycle.errors import DataRejected
from lifecycle.records.bodies.data import DatasetRejected
from tests.data.rows import loan_schema, loans, spec_of, written


def rejected(frame: pd.DataFrame, tmp_path: Path, store: ArtifactStore) -> DatasetNotAccepted:
    with pytest.raises(DatasetNotAccepted) as caught:
        ingest(written(frame, tmp_path), store)
    assert isinstance(caught.value, DataRejected)
    assert not [path for path in (tmp_path / "artifacts").rglob("*") if path.is_file()]
    return caught.value


def test_the_same_source_is_the_same_dataset(tmp_path: Path, store: ArtifactStore) -> None:
    """Ingesting twice gives one digest and one set of facts, but for the salts of the commitments to its rows."""
    spec = written(loans(), tmp_path)
    first, again = ingest(spec, store), ingest(spec, store)
    assert first.body.row_commitments_digest != again.body.row_commitments_digest
    assert replace(again, body=again.body.model_copy(update={"row_commitments_digest": first.body.row_commitments_digest})) == first


def test_a_dataset_that_stands_keeps_its_commitments(tmp_path: Path, store: ArtifactStore) -> None:
    """One dataset version has one set of salts, so that an erasure finds all of them."""
    spec = written(loans(), tmp_path)
    first = ingest(spec, store)
    assert ingest(spec, store, lambda _digest: Earlier(first.body.row_commitments_digest, rows_erased=False)) == first


def test_rows_that_were_erased_do_not_come_back_from_the_source(tmp_path: Path, store: ArtifactStore) -> None:
    """The very dataset version that rows were erased from is refused, and nothing of it is stored again."""
    with pytest.raises(DatasetNotAccepted, match="still holds rows that were erased") as caught:
        ingest(written(loans(), tmp_path), store, lambda _digest: Earlier(None, rows_erased=True))
    assert "Take the rows out of the source" in caught.value.next_step
    assert not [path for path in (tmp_path / "artifacts").rglob("*") if path.is_file()]


def test_one_changed_field_is_another_dataset(tmp_path: Path, store: ArtifactStore) -> None:
    """A dataset version is its content."""
    first = ingest(written(loans(), tmp_path), store)
    changed = loans()
    changed.loc[0, "amount"] = 1_000.0
    assert ingest(written(changed, tmp_path), store).dataset_digest != first.dataset_digest


def test_a_dataset_has_what_was_declared_and_no_more(tmp_path: Path, store: ArtifactStore) -> None:
    """Number, split, outcome, features and protected groups; the age that only makes a band stays behind."""
    ingested = ingest(written(loans().assign(name="Jane Doe"), tmp_path), store)
    dataset = read_dataset(store, ingested.dataset_digest)
    assert list(dataset.columns) == ["row_id", "split", "paid", "income", "amount", "job", "town", "protected_age_band"]
    assert len(dataset) == ingested.body.rows == 400
    assert (dataset["protected_age_band"] == ["<30" if age < 30 else "30+" for age in loans()["age"]]).all()
    assert dataset["split"].value_counts().to_dict() == ingested.body.splits
    assert {profile.column: profile.missing for profile in ingested.body.columns}["income"] == loans()["income"].isna().sum()


def test_copies_never_stand_on_both_sides_of_a_split(tmp_path: Path, store: ArtifactStore) -> None:
    """A row that occurs twice, even with two outcomes, is trained on or tested on, never both."""
    frame = loans()
    contrary = frame.assign(paid=frame["paid"].map({"yes": "no", "no": "yes"}))
    ingested = ingest(written(pd.concat([frame, frame, contrary]), tmp_path), store)
    dataset = read_dataset(store, ingested.dataset_digest)
    assert dataset["row_id"].tolist() == list(range(1_200))
    splits = dataset.assign(row=dataset["row_id"] % 400).groupby("row")["split"]
    assert splits.nunique().max() == 1
    assert splits.size().min() == 3
    assert ingested.body.duplicate_rows == 400
    assert ingested.duplicate_share == pytest.approx(1 / 3)


def test_no_hash_of_who_somebody_is_is_stored(tmp_path: Path, store: ArtifactStore) -> None:
    """Attack: whoever guesses a person's identity columns can't look that person up by their hash."""
    spec = written(loans(), tmp_path)
    dataset = read_dataset(store, ingest(spec, store).dataset_digest)
    assert not dataset.isin(identity_hashes(loans(), spec.identity)).any().any()


def test_a_missing_protected_value_is_a_group_of_its_own(tmp_path: Path, store: ArtifactStore) -> None:
    """Nobody is put into a group that they did not name."""
    frame = loans()
    frame.loc[0, "income"], frame.loc[1, "job"] = None, None
    protected = {"wealth": Band(column="income", edge=100, below="low", from_edge_on="high"), "job": "job"}
    identity = ("income", "amount", "job", "town")
    without_age = Contract(name="loan/1", schema_factory=lambda: loan_schema().remove_columns(["age"]))
    spec = written(frame, tmp_path, protected=protected, identity=identity, contract=without_age)
    dataset = read_dataset(store, ingest(spec, store).dataset_digest)
    assert dataset.loc[0, "protected_wealth"] == "unknown"
    assert dataset.loc[1, "protected_job"] == "unknown"


def test_a_broken_contract_names_the_rows(tmp_path: Path, store: ArtifactStore) -> None:
    """The record and the message say which rows broke which check; nothing is stored."""
    frame = loans()
    frame.loc[[4, 17], "age"] = 7.0
    error = rejected(frame, tmp_path, store)
    (failed,) = error.body.failures
    assert (failed.column, failed.positions, error.body.rows) == ("age", (4, 17), 400)
    assert "age: in_range(18, 100) fails in 2 rows (4, 17)" in error.what
    assert "0" in error.next_step


def test_a_missing_column_is_a_broken_contract(tmp_path: Path, store: ArtifactStore) -> None:
    """A source that lost a column is rejected by the column's name."""
    assert "town: the column is absent" in rejected(loans().drop(columns="town"), tmp_path, store).what


def test_a_wrong_type_is_a_broken_contract(tmp_path: Path, store: ArtifactStore) -> None:
    """A text in a column of numbers is rejected at its row."""
    frame = loans().astype({"amount": object})
    frame.loc[2, "amount"] = "much"
    assert rejected(frame, tmp_path, store).body.failures[0].positions == (2,)


def test_a_source_without_rows_is_rejected(tmp_path: Path, store: ArtifactStore) -> None:
    """A header alone is no dataset."""
    assert "no rows" in rejected(loans().head(0), tmp_path, store).what


def test_an_outcome_of_a_third_kind_is_rejected_although_the_contract_lets_it_by(tmp_path: Path, store: ArtifactStore) -> None:
    """Every row is positive or negative: an outcome that is neither must not count as negative in silence."""
    spec = written(loans(), tmp_path, positive="paid back")
    with pytest.raises(DatasetNotAccepted, match="is 'paid back' or 'no'"):
        ingest(spec, store)


def test_a_leak_is_rejected_by_its_name(tmp_path: Path, store: ArtifactStore) -> None:
    """A feature that knows the outcome stops the dataset, and the record names it."""
    frame = loans()
    frame["job"] = frame["paid"].map({"yes": "settled", "no": "collected"})
    error = rejected(frame, tmp_path, store)
    assert error.body.leaking_columns == ("job",)
    assert "job (AUC 1.000)" in error.what


def test_a_rejection_can_be_recorded(tmp_path: Path, store: ArtifactStore) -> None:
    """Its body is a record with canonical bytes that hold no value of a row."""
    frame = loans().astype({"amount": object})
    frame.loc[2, "amount"] = "Jane Doe"
    body = rejected(frame, tmp_path, store).body
    assert DatasetRejected.parse(body.canonical()) == body
    assert b"Jane" not in body.canonical()


def test_no_record_says_where_the_source_lies(tmp_path: Path, store: ArtifactStore) -> None:
    """A location can name a machine or a bucket; records go further than that."""
    assert str(tmp_path).encode() not in ingest(written(loans(), tmp_path), store).body.canonical()
    assert str(tmp_path).encode() not in rejected_body(tmp_path, store).canonical()


def rejected_body(tmp_path: Path, store: ArtifactStore) -> DatasetRejected:
    (tmp_path / "loans.csv").write_text("")
    with pytest.raises(DatasetNotAccepted) as caught:
        ingest(spec_of(tmp_path / "loans.csv"), store)
    return caught.value.body


def test_every_split_is_counted(tmp_path: Path, store: ArtifactStore) -> None:
    """The record names all three splits, and they add up to the rows."""
    body = ingest(written(loans(), tmp_path), store).body
    assert tuple(body.splits) == SPLIT_NAMES
    assert sum(body.splits.values()) == body.rows
