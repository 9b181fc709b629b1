"""Packing from ledgers as they are: on both databases, pruned in part, long, and altered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lifecycle.errors import Tampered, UnknownName
from lifecycle.evidence import selection
from lifecycle.evidence.pack import Scope
from lifecycle.ledger.log_key.keys import ensure_log_key
from lifecycle.records import bodies
from lifecycle.records.bodies.keeping import ClosedVersion, LeafRange
from lifecycle.records.events import Subject
from lifecycle.records.record import digest_of
from tests.evidence.house import ORIGIN, START_US, lived
from tests.evidence.packs import files_of, packed, verify
from tests.ledger.places import EVERY_DATABASE, Place


@EVERY_DATABASE
def test_both_databases_are_packed_and_verify(place: Place, tmp_path: Path) -> None:
    """The same records, wherever the ledger is kept."""
    house = lived(tmp_path / "house", place.url)
    result = verify(packed(house), tmp_path / "run", str(house.log_key))
    assert (result.code, result.level, result.broken) == (0, "L1", [])


@EVERY_DATABASE
@pytest.mark.parametrize(
    "script",
    [
        "UPDATE events SET stored = edited(stored, 'rita', 'mila') WHERE type = 'ApprovalGiven'",
        "UPDATE events SET leaf_hash = zeroblob(32) WHERE type = 'ApprovalGiven'",
        "UPDATE events SET leaf_hash = zeroblob(32) WHERE type = 'PersonEnrolled' AND subject_name = 'sam'",
        "DELETE FROM events WHERE leaf_index = 2",
    ],
)
def test_a_ledger_that_was_altered_is_not_packed(place: Place, script: str, tmp_path: Path) -> None:
    """Whoever packs learns of it, and not only whoever verifies."""
    house = lived(tmp_path / "house", place.url)
    place.tamper(script)
    with pytest.raises(Tampered):
        packed(house)


@pytest.mark.parametrize("kind", sorted({"ApprovalGiven", "ModelTrained", "DecisionMade", "PersonEnrolled"}))
def test_bytes_that_an_update_made_a_text_are_altered_bytes(place: Place, kind: str, tmp_path: Path) -> None:
    """In SQLite any column holds any type: `replace()` gives a text, and what reads bytes must not fall over it."""
    house = lived(tmp_path / "house", place.url)
    place.tamper(f"UPDATE events SET stored = replace(stored, 'rita', 'mila') WHERE type = '{kind}'")
    with pytest.raises(Tampered, match="was altered"):
        packed(house)


def test_records_that_were_pruned_leave_their_place(place: Place, tmp_path: Path) -> None:
    """A record says that their bytes are gone, their hashes stand in the tree, and no number is missing."""
    house = lived(tmp_path / "house", place.url)
    about = house.ledger.events(types=("ModelTrained",))[0].event.subject
    house.monitors(about)
    index = house.ledger.head().size - 1
    body = bodies.BodiesPruned(
        rule="MonitoringReported",
        columns_digest=digest_of(b"columns"),
        ranges=(LeafRange(start=index, end=index + 1),),
        count=1,
        before_us=START_US,
        policy_digest=digest_of(b"retention"),
        closed_versions=(),
    )
    house.happened(body, Subject(kind="ledger", name="ledger"))
    house.monitors(about)
    house.checkpoint()
    place.tamper(f"UPDATE events SET stored = NULL WHERE leaf_index = {index}")
    pack = packed(house)
    (entry,) = [one for one in json.loads(files_of(pack)["pack.json"])["leaves"] if not one["path"]]
    assert entry == {"index": index, "path": "", "subject": {"kind": "model", "name": "credit"}}
    assert verify(pack, tmp_path / "run", str(house.log_key)).broken == []


def test_a_version_whose_past_was_pruned_has_a_pack_no_more_and_its_period_has(place: Place, tmp_path: Path) -> None:
    """With a decision and its input among what is gone: the period tells their places, and the version's own pack is refused."""
    house = lived(tmp_path / "house", place.url)
    past = house.ledger.events(kind="model", name="credit", version=2)
    gone = [one.index for one in past]
    house.happened(bodies.VersionRetired(reason="It is over."), past[0].event.subject)
    body = bodies.BodiesPruned(
        rule="closed versions",
        columns_digest=digest_of(b"columns"),
        ranges=tuple(LeafRange(start=index, end=index + 1) for index in gone),
        count=len(gone),
        before_us=START_US,
        policy_digest=digest_of(b"retention"),
        closed_versions=(ClosedVersion(model="credit", version=2),),
    )
    house.happened(body, Subject(kind="ledger", name="ledger"))
    house.checkpoint()
    place.tamper("UPDATE events SET stored = NULL WHERE subject_kind = 'model' AND subject_version = 2 AND type <> 'VersionRetired'")
    period = packed(house, Scope(since_us=START_US))
    assert [one["index"] for one in json.loads(files_of(period)["pack.json"])["leaves"] if not one["path"]] == gone
    with pytest.raises(UnknownName, match="credit:2 was pruned"):
        packed(house, Scope(model="credit", version=2))


def test_bytes_that_went_without_a_word_are_found(place: Place, tmp_path: Path) -> None:
    """Nothing says that they were pruned."""
    house = lived(tmp_path / "house", place.url)
    house.monitors(house.ledger.events(types=("ModelTrained",))[0].event.subject)
    house.checkpoint()
    place.tamper("UPDATE events SET stored = NULL WHERE type = 'MonitoringReported'")
    found = verify(packed(house), tmp_path / "run", str(house.log_key)).broken
    assert any("no record says that they were pruned" in finding for finding in found)


def test_a_long_stream_is_packed_in_part_and_not_called_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What belongs to the version is there; that the rest is not there is not hidden."""
    house = lived(tmp_path / "house")
    monkeypatch.setattr(selection, "MOST_OF_ONE_STREAM", 5)
    pack = packed(house)
    about = json.loads(files_of(pack)["pack.json"])
    types = {json.loads(files_of(pack)[one["path"]])["type"] for one in about["leaves"]}
    assert "model/credit" not in about["streams"]
    assert {"ModelTrained", "ModelEvaluated", "DecisionMade", "ApprovalGiven", "RolloutCompleted", "PersonEnrolled"} <= types
    assert verify(pack, tmp_path / "run", str(house.log_key)).broken == []


def test_a_pack_of_one_model_over_a_period_holds_nothing_of_others(tmp_path: Path) -> None:
    """But for the people and keys behind it."""
    house = lived(tmp_path / "house")
    house.monitors(Subject(kind="model", name="fraud"))
    house.checkpoint()
    about = json.loads(files_of(packed(house, Scope("credit", since_us=START_US)))["pack.json"])
    assert about["range"] == [0, 0]
    assert {one["subject"]["name"] for one in about["leaves"]} == {"credit", "rita"}


def test_a_pack_knows_the_log_s_key_when_it_is_asked_twice(tmp_path: Path) -> None:
    """Making a house anew on the same folder finds the same key: the pack of one verifies with that of the other."""
    house = lived(tmp_path / "house")
    again = ensure_log_key(tmp_path / "house" / "keys", ORIGIN)
    assert verify(packed(house), tmp_path / "run", str(again)).level == "L1"
