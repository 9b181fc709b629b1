"""Erasing somebody: no file of the home has the value afterwards, every proof holds, and the ledger says what was done."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import pytest

from lifecycle.data.columnar import parquet_bytes
from lifecycle.data.ingestion import Earlier
from lifecycle.data.rejection import DatasetNotAccepted
from lifecycle.data.row_commitments import RowCommitments, commit_to_rows, open_rows
from lifecycle.errors import InvalidDeclaration, Refused, Unavailable, UnknownName
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.life.gates.standing import body_of
from lifecycle.life.keeping.dataset_rows import dataset_rows, earlier_of, remaining_of
from lifecycle.life.keeping.erasure import erase
from lifecycle.life.keeping.holding import holds_of, place_hold, release_hold
from lifecycle.life.people.enrolment import enrol
from lifecycle.records.bodies.data import DatasetIngested
from lifecycle.records.bodies.governors import PersonEnrolled
from lifecycle.records.bodies.keeping import SubjectErased
from tests.ledger.happenings import trained
from tests.life.kept_home import ADDRESS, INCOME, NAME, OTHER, PERSON, SUBJECT, TOWN, KeptHome

REASON = "Request 4711 under Article 17."


@pytest.fixture
def kept(tmp_path: Path) -> KeptHome:
    return KeptHome(tmp_path)


def opening_salt(kept: KeptHome) -> str:
    """The salt of what the ledger commits to of PERSON."""
    enrolled = kept.departments.ledger.events(types=("PersonEnrolled",), name=PERSON)[0]
    directory = body_of(enrolled, PersonEnrolled).directory
    assert directory is not None
    return kept.departments.ledger.opening(directory).salt_hex


def erasures(kept: KeptHome) -> list[SubjectErased]:
    return [body_of(recorded, SubjectErased) for recorded in kept.departments.ledger.events(types=("SubjectErased",))]


def test_no_file_has_the_value_of_a_subject_afterwards(kept: KeptHome) -> None:
    """Not the prediction log, the database, its write-ahead log, the artifact store or the cache; what is about others stays."""
    assert len(kept.found(SUBJECT, INCOME, TOWN)) > 5
    done = erase(kept.departments, SUBJECT, reason=REASON)
    assert kept.found(SUBJECT, INCOME, TOWN) == []
    assert kept.found(OTHER)
    assert (done.predictions, [len(rows.rows) for rows in done.datasets]) == (2, [3, 3])


def test_no_file_has_the_name_of_a_person_afterwards(kept: KeptHome) -> None:
    """Neither the registry nor the ledger has the name, the address or the salt; the person still counts under their id."""
    salt, address = opening_salt(kept), hashlib.sha256(ADDRESS.encode()).hexdigest()
    roles = kept.departments.people.roles(PERSON, 0)
    assert len(kept.found(NAME, address, salt)) >= 3
    done = erase(kept.departments, PERSON, reason=REASON)
    assert kept.found(NAME, address, salt) == []
    assert (done.openings, done.person) == (1, PERSON)
    assert kept.departments.people.roles(PERSON, 0) == roles
    assert kept.departments.people.person("bo").display_name == "Bo Other"


def test_every_proof_holds_afterwards(kept: KeptHome) -> None:
    """No leaf and no row of the prediction log changes, and the auditor's older ledger checkpoint still fits."""
    held, leaves, rows = kept.sign(), kept.stored(), kept.rows()
    erase(kept.departments, SUBJECT, reason=REASON)
    erase(kept.departments, PERSON, reason=REASON)
    kept.sign()
    assert kept.stored()[: len(leaves)] == leaves
    assert kept.rows() == rows
    result = verify_ledger(kept.departments.ledger, kept.departments.ledger_key, held)
    assert (result.ok, result.level, result.findings) == (True, "L2", ())


def test_the_ledger_says_what_went_and_names_nobody(kept: KeptHome) -> None:
    """Commitments, numbers and digests stand in SubjectErased, and no value and no subject."""
    erase(kept.departments, SUBJECT, reason=REASON)
    erase(kept.departments, PERSON, reason=REASON)
    of_subject, of_person = erasures(kept)[0], erasures(kept)[-1]
    committed = {kept.departments.predictions.find(one)["input_commitment"] for one in (kept.asked[1], kept.asked[3])}
    assert set(of_subject.predictions) == committed
    assert {digest for rows in erasures(kept) for digest in (one.dataset_digest for one in rows.datasets)} == {
        kept.first.event.subject.digest,
        kept.second.event.subject.digest,
    }
    assert all(rows.rows == (4, 17, 200) for body in erasures(kept) for rows in body.datasets)
    enrolled = body_of(kept.departments.ledger.events(types=("PersonEnrolled",), name=PERSON)[0], PersonEnrolled)
    assert enrolled.directory is not None
    assert of_person.openings == (enrolled.directory.digest,)
    assert SUBJECT.encode() not in b"".join(kept.stored())


def test_a_prediction_says_that_what_was_asked_is_gone(kept: KeptHome) -> None:
    """Its row stands, with its commitment; that of somebody else is as it was."""
    erase(kept.departments, SUBJECT, reason=REASON)
    assert kept.departments.predictions.find(kept.asked[1])["values"] is None
    assert kept.departments.predictions.find(kept.asked[0])["values"] == {"income": 1.0, "town": "north"}


def test_readers_follow_to_what_is_left_of_a_dataset(kept: KeptHome) -> None:
    """Under the same digest they get the other rows, with their old numbers, and each opens its commitment."""
    digest = kept.second.event.subject.digest
    assert digest is not None
    before = dataset_rows(kept.departments, digest)
    erase(kept.departments, SUBJECT, reason=REASON)
    after = dataset_rows(kept.departments, digest)
    assert list(after.columns) == list(before.columns)
    assert after["row_id"].tolist() == [number for number in range(360) if number not in (4, 17, 200)]
    committed = body_of(kept.second, DatasetIngested).row_commitments_digest
    assert committed is not None
    commitments = RowCommitments.read(kept.departments.artifacts, committed)
    left = open_rows(kept.departments.artifacts, commitments, remaining_of(kept.departments, digest))
    assert len(left.numbers) == 357
    assert not kept.departments.artifacts.has(digest)
    assert not kept.departments.artifacts.has(commitments.openings_digest)


def test_a_second_erasure_goes_on_from_the_first(kept: KeptHome) -> None:
    """Each leaves its own remainder; what the first had left is gone from the store."""
    digest = kept.second.event.subject.digest
    assert digest is not None
    erase(kept.departments, SUBJECT, reason=REASON)
    first = remaining_of(kept.departments, digest)
    assert first is not None
    erase(kept.departments, "customer-0000000009", reason=REASON)
    assert not kept.departments.artifacts.has(first)
    assert len(dataset_rows(kept.departments, digest)) == 356
    assert kept.found("customer-0000000009") == []


def test_rows_go_by_their_number_and_take_their_like_in_other_versions_along(kept: KeptHome) -> None:
    """For a dataset that says nowhere whom a row is about: the numbers of the newest version, and the same rows of the others."""
    done = erase(kept.departments, None, rows=(("credit", (17,)),), reason=REASON)
    assert {rows.dataset_digest: rows.rows for rows in done.datasets} == {
        kept.second.event.subject.digest: (17,),
        kept.first.event.subject.digest: (17,),
    }
    assert not [path for path in kept.found(INCOME, TOWN) if path.startswith("artifacts")]


def test_the_same_source_is_refused_afterwards(kept: KeptHome) -> None:
    """It would bring back what was erased; a source without the rows is a dataset version of its own."""
    erase(kept.departments, SUBJECT, reason=REASON)
    digest = kept.second.event.subject.digest
    assert digest is not None
    earlier = earlier_of(kept.departments, digest)
    assert isinstance(earlier, Earlier)
    assert earlier.rows_erased
    with pytest.raises(DatasetNotAccepted, match="still holds rows that were erased"):
        kept.ingest(kept.frame(360), "again")
    assert kept.found(SUBJECT, INCOME, TOWN) == []
    mended = kept.frame(360)
    assert kept.ingest(mended[mended["customer"] != SUBJECT], "mended").event.type == "DatasetIngested"


def test_the_same_content_twice_has_one_set_of_salts(kept: KeptHome) -> None:
    """The ingestion of what stands already commits to nothing anew, so an erasure leaves no second set."""
    again = kept.ingest(kept.frame(360), "third")
    assert body_of(again, DatasetIngested) == body_of(kept.second, DatasetIngested)


def test_what_can_not_be_reached_is_told(kept: KeptHome) -> None:
    """The source, backups, and which versions learned from the rows; where a value stood alone it may show in them, so it is named."""
    digest = kept.second.event.subject.digest or ""
    metering = trained(1)
    kept.departments.ledger.append(metering.model_copy(update={"body": metering.body.model_copy(update={"dataset_digest": digest})}))
    told = "\n".join(erase(kept.departments, SUBJECT, reason=REASON).beyond_reach)
    for place in ("backups", "the source of credit", "credit:1", "in income, town", "monitoring reports"):
        assert place in told


@pytest.mark.parametrize("part", ["rows", "commitments", "openings"])
def test_a_dataset_version_that_is_gone_keeps_nobody_from_being_erased(kept: KeptHome, part: str) -> None:
    """The rest goes, and that version is named: nobody can say who is in it. Nothing is taken for left over that may be its own."""
    artifacts, first = kept.departments.artifacts, body_of(kept.first, DatasetIngested)
    digest, committed = kept.first.event.subject.digest or "", first.row_commitments_digest or ""
    openings = RowCommitments.read(artifacts, committed).openings_digest
    going = {"rows": digest, "commitments": committed, "openings": openings}[part]
    artifacts.erase(going)
    done = erase(kept.departments, SUBJECT, reason=REASON)
    assert (done.predictions, [rows.dataset_digest for rows in done.datasets]) == (2, [kept.second.event.subject.digest])
    assert any(digest in place for place in done.beyond_reach)
    assert [one for one in (digest, committed, openings) if not artifacts.has(one)] == [going]
    with pytest.raises(Unavailable, match=digest):
        erase(kept.departments, "customer-6", reason=REASON)


def test_a_dry_run_changes_no_byte(kept: KeptHome) -> None:
    """It says what would go."""
    before = {path: path.read_bytes() for path in kept.files()}
    would = erase(kept.departments, SUBJECT, reason=REASON, dry_run=True)
    assert (would.erasure_id, would.predictions, len(would.datasets), would.indexes) == (None, 2, 2, ())
    after = {path: path.read_bytes() for path in kept.files()}
    # Reading a ledger maps its shared memory, and that file is no record.
    assert {path.name for path in before.keys() | after.keys() if before.get(path) != after.get(path)} <= {"ledger.db-shm"}


def test_erasing_nobody_is_told(kept: KeptHome) -> None:
    """A misspelt name, or one whose values are gone already, is not taken for a success; nor is an empty one for everybody."""
    with pytest.raises(UnknownName, match="Nothing is kept here of 'customer-6'"):
        erase(kept.departments, "customer-6", reason=REASON)
    with pytest.raises(InvalidDeclaration, match="everybody's"):
        erase(kept.departments, "", reason=REASON)
    with pytest.raises(UnknownName, match="has no row 9999"):
        erase(kept.departments, None, rows=(("credit", (9999,)),), reason=REASON)
    with pytest.raises(InvalidDeclaration, match="without a reason"):
        erase(kept.departments, SUBJECT, reason=" ")
    assert erasures(kept) == []


def test_many_values_take_several_events(kept: KeptHome) -> None:
    """A record has a limit of bytes; all the events of one erasure go by its id."""
    for _ in range(700):
        kept.predict("customer-9999")
    done = erase(kept.departments, "customer-9999", reason=REASON)
    assert done.predictions == 700
    assert len(done.indexes) == 3
    assert sum(len(body.predictions) for body in erasures(kept)) == 700
    assert {body.erasure_id for body in erasures(kept)} == {done.erasure_id}


@pytest.mark.parametrize("held", [None, SUBJECT, "credit"], ids=["everything", "the subject", "its model"])
def test_a_legal_hold_keeps_everything_as_it_is(kept: KeptHome, held: str | None) -> None:
    """The erasure is refused before its first effect, and goes through once the hold is released."""
    hold = place_hold(kept.departments, held, reason="Case 12/2026.")
    before = kept.found(SUBJECT, INCOME, TOWN)
    with pytest.raises(Refused, match="Case 12/2026") as caught:
        erase(kept.departments, SUBJECT, reason=REASON)
    assert caught.value.rules == ("LEGAL_HOLD",)
    assert kept.found(SUBJECT, INCOME, TOWN) == before
    release_hold(kept.departments, hold, reason="The case is closed.")
    erase(kept.departments, SUBJECT, reason=REASON)
    assert kept.found(SUBJECT, INCOME, TOWN) == []


def test_a_hold_on_somebody_else_is_in_nobodys_way(kept: KeptHome) -> None:
    """It holds what it names."""
    place_hold(kept.departments, OTHER, reason="Case 13/2026.")
    erase(kept.departments, SUBJECT, reason=REASON)
    assert kept.found(SUBJECT) == []


def test_a_hold_names_in_no_leaf_whom_the_ledger_does_not_name(kept: KeptHome) -> None:
    """A customer's number stands under a commitment; `hold list` still tells it, until the customer is erased."""
    hold = place_hold(kept.departments, SUBJECT, reason="Case 12/2026.")
    assert SUBJECT.encode() not in b"".join(kept.stored())
    assert [(held.hold_id, held.name) for held in holds_of(kept.departments)] == [(hold, SUBJECT)]
    with pytest.raises(UnknownName, match="No hold"):
        release_hold(kept.departments, "none", reason="x")


def test_whoever_is_enrolled_again_is_committed_to_anew(kept: KeptHome) -> None:
    """An erasure is of what was kept until then."""
    erase(kept.departments, PERSON, reason=REASON)
    enrol(kept.departments, "cy", display_name="Cy Later")
    assert len(kept.departments.ledger.events(types=("PersonEnrolled",))) == 3
    result = verify_ledger(kept.departments.ledger, kept.departments.ledger_key)
    assert result.findings == ()


def test_what_a_killed_ingestion_left_goes_as_well(kept: KeptHome) -> None:
    """Rows and salts that were stored and never recorded, whole or in part: no event names them, and they are found all the same."""
    store = kept.departments.artifacts
    frame = dataset_rows(kept.departments, kept.second.event.subject.digest or "")
    orphan = store.put(parquet_bytes(frame.assign(split="test")))
    committed = commit_to_rows(store, orphan, frame, [SUBJECT] * len(frame))
    place = store.fetch(orphan)
    place.with_name(f".{'a' * 64}.{'b' * 16}").write_bytes(place.read_bytes()[:4_000])
    erase(kept.departments, SUBJECT, reason=REASON)
    assert kept.found(SUBJECT, INCOME, TOWN) == []
    assert not store.has(orphan)
    assert not list((kept.home / "artifacts").rglob(".*"))
    assert store.has(committed)


def test_what_a_killed_enrolment_left_goes_as_well(kept: KeptHome) -> None:
    """The registry that was about to take the place of the old one has the name in it."""
    (kept.home / ".people.yaml.new").write_text(f"people:\n- id: {PERSON}\n  display_name: {NAME}\n")
    erase(kept.departments, PERSON, reason=REASON)
    assert kept.found(NAME) == []


def test_the_gateway_goes_on_writing_while_somebody_is_erased(kept: KeptHome) -> None:
    """No row and no value of anybody else is lost or torn, whatever comes in meanwhile."""
    asked = list[str]()
    writing = threading.Thread(target=lambda: asked.extend(kept.predict(OTHER) for _ in range(400)))
    writing.start()
    erase(kept.departments, SUBJECT, reason=REASON)
    writing.join()
    assert kept.found(SUBJECT, INCOME, TOWN) == []
    rows = {row["id"]: row["values"] for row in kept.departments.predictions.rows("credit")}
    assert len(rows) == 4 + 400
    assert all(rows[one] == {"income": 1.0, "town": "north"} for one in asked)
    assert {one for one, values in rows.items() if values is None} == {kept.asked[1], kept.asked[3]}
