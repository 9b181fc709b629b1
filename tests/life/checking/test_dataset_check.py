"""`ledger verify` looks at the rows of datasets: what is missing was erased, what is left is what was committed to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle.data.columnar import parquet_bytes, read_rows
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.life.checking.dataset_check import DatasetCheck
from lifecycle.life.keeping.dataset_rows import remaining_of
from lifecycle.life.keeping.erasure import erase
from lifecycle.records.record import Digest
from tests.life.kept_home import SUBJECT, KeptHome


@pytest.fixture
def kept(tmp_path: Path) -> KeptHome:
    return KeptHome(tmp_path)


def newest(kept: KeptHome) -> Digest:
    digest = kept.second.event.subject.digest
    assert digest is not None
    return digest


def told(kept: KeptHome) -> list[tuple[int | None, str]]:
    """What verification finds of the datasets, by the record that ingested them."""
    departments = kept.departments
    result = verify_ledger(departments.ledger, departments.ledger_key, checks=(DatasetCheck(departments),))
    return [(found.index, found.what) for found in result.findings]


def test_datasets_that_are_whole_are_no_finding_before_and_after_an_erasure(kept: KeptHome) -> None:
    """Neither the rows that are there nor those that were erased."""
    assert told(kept) == []
    erase(kept.departments, SUBJECT, reason="Request 4711.")
    erase(kept.departments, "customer-0000000009", reason="Request 4712.")
    assert told(kept) == []


def remove(kept: KeptHome) -> None:
    kept.departments.artifacts.erase(newest(kept))


def edit(kept: KeptHome) -> None:
    place = kept.departments.artifacts.fetch(newest(kept))
    place.chmod(0o600)
    place.write_bytes(place.read_bytes()[:-1] + b"x")


@pytest.mark.parametrize(
    ("attack", "what"),
    [(remove, "missing from the artifact store, and no erasure says why"), (edit, "are not those bytes")],
    ids=["removed", "edited"],
)
def test_a_dataset_that_was_taken_away_or_edited_is_named(kept: KeptHome, attack: Callable[[KeptHome], None], what: str) -> None:
    """Whoever may write the artifact store can do both; the ledger says what was there."""
    attack(kept)
    assert [(index, what in said) for index, said in told(kept)] == [(kept.second.index, True)]


@pytest.mark.parametrize(
    "attack", ["a row more is gone", "an erased row is back", "a row was changed", "the whole version is back", "it is gone"]
)
def test_what_an_erasure_left_can_not_be_swapped(kept: KeptHome, attack: str) -> None:
    """Even by whoever makes SubjectErased name their own artifact: rows are held against the commitments of the ingestion."""
    store, digest = kept.departments.artifacts, newest(kept)
    before = read_rows(store, digest)
    erase(kept.departments, SUBJECT, reason="Request 4711.")
    remaining = remaining_of(kept.departments, digest)
    assert remaining is not None
    left = read_rows(store, remaining)
    swapped = {
        "a row more is gone": left.iloc[1:],
        "an erased row is back": left.assign(row_id=[17, *left["row_id"].tolist()[1:]]),
        "a row was changed": left.assign(amount=left["amount"] + 1.0),
        "the whole version is back": left,
        "it is gone": left,
    }[attack]
    if attack == "the whole version is back":
        store.put(parquet_bytes(before))
    elif attack == "it is gone":
        store.erase(remaining)
    else:
        say_left(kept, digest, store.put(parquet_bytes(swapped.reset_index(drop=True))))
    assert [index for index, _ in told(kept)] == [kept.second.index]


def say_left(kept: KeptHome, digest: Digest, remaining: Digest) -> None:
    """Appends a SubjectErased of one's own making, that erases one more row and names another rest."""
    from lifecycle.life.recording import COMMAND_LINE
    from lifecycle.records.bodies.keeping import ErasedRows, SubjectErased
    from lifecycle.records.events import Event, Subject
    from lifecycle.records.identity import new_id

    rows = (ErasedRows(dataset_digest=digest, rows=(4,), remaining_digest=remaining),)
    body = SubjectErased(erasure_id=new_id(), reason="x", openings=(), predictions=(), datasets=rows)
    about = Subject(kind="ledger", name="ledger")
    kept.departments.ledger.append(Event.happened(body, subject=about, actor=COMMAND_LINE, environment="local"))
