"""Somebody hides a record by saying that it was pruned: by its column, by its age, by closing its version, in spite of a hold."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from lifecycle.errors import IllegalTransition, Tampered
from lifecycle.ledger.appending.legality import Legality
from lifecycle.ledger.keeping.columns_digest import ColumnsDigest
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.verifying.fsck import examine
from lifecycle.ledger.verifying.mending import mend
from lifecycle.records.bodies import ApprovalBarred
from lifecycle.records.bodies.keeping import BodiesPruned, ClosedVersion, LeafRange, LegalHoldPlaced
from lifecycle.records.events import Event, Subject
from lifecycle.records.identity import new_id, now_us
from lifecycle.records.record import DAY_US
from lifecycle.records.retention import LEAST_DAYS
from tests.ledger.happenings import ORIGIN, SERVICE, digest, evaluated, retired, revoked, trained
from tests.ledger.places import EVERY_DATABASE
from tests.ledger.victim import Victim, said

pytestmark = EVERY_DATABASE

LEDGER = Subject(kind="ledger", name="ledger")
NOW = now_us()
#: The record that is to be hidden: credit:1 was revoked.
REVOKED = 2


def aged(event: Event, days: int) -> Event:
    return event.model_copy(update={"occurred_at_us": NOW - days * DAY_US})


def barred(version: int) -> Event:
    """An observation, which pruning may take once it is old."""
    body = ApprovalBarred(approver="sam", rules=("SOD-001",), reason="tests", statement_digest=digest("statement"))
    subject = Subject(kind="model", name="credit", version=version, digest=digest(f"credit {version}"))
    return Event.happened(body, subject=subject, actor=SERVICE, environment="local")


def pruning(
    victim: Victim,
    indexes: Sequence[int],
    *,
    rule: str = "ApprovalBarred",
    closed: Sequence[int] = (),
    days: int = LEAST_DAYS,
    ahead: int = 0,
) -> Event:
    """What says that records went: with the digest of their columns as they stand, from before so many days."""
    bound, names = ColumnsDigest(), ", ".join(("leaf_index", *_COLUMNS))
    for index, *columns in victim.place.fetch(f"SELECT {names} FROM events ORDER BY leaf_index"):
        if index in indexes:
            bound.take(index, columns)
    body = BodiesPruned(
        rule=rule,
        ranges=tuple(LeafRange(start=index, end=index + 1) for index in indexes),
        count=len(indexes),
        columns_digest=bound.digest,
        before_us=NOW - days * DAY_US,
        policy_digest=digest("policy"),
        closed_versions=tuple(ClosedVersion(model="credit", version=version) for version in closed),
    )
    return Event.happened(body, subject=LEDGER, actor=SERVICE, environment="local", at_us=NOW + ahead * DAY_US)


_COLUMNS = (
    *("event_id", "type", "environment", "occurred_at_us", "actor_id"),
    *("subject_kind", "subject_name", "subject_version", "subject_digest", "run_id"),
)


def appended(victim: Victim, *events: Event) -> int:
    """Through the append API; the place of the last."""
    with Ledger.open(victim.url, origin=ORIGIN) as ledger, ledger.writing() as writer:
        return writer.append_all(events)[-1].index


def dropped(victim: Victim, *indexes: int, column: str = "") -> None:
    """Takes the bytes away once they are signed (the signer reads what it signs), and writes a column of theirs."""
    victim.sign()
    change = "stored = NULL" + (f", {column}" if column else "")
    victim.place.tamper(f"UPDATE events SET {change} WHERE leaf_index IN ({', '.join(map(str, indexes))})")


def found(victim: Victim) -> str:
    """What the auditor finds; that nothing is repaired over it; and the lowest level is what it breaks."""
    victim.sign()
    result = victim.verify()
    assert not result.ok
    assert result.level == "none"
    with pytest.raises(Tampered, match="Nothing was written"):
        mend(victim.url)
    return said(result)


def test_a_record_that_its_column_makes_an_observation_is_found(victim: Victim) -> None:
    """The revocation of today becomes a barred approval of long ago, as far as its columns say; its place says otherwise."""
    lie = f"type = 'ApprovalBarred', occurred_at_us = {NOW - 300 * DAY_US}"
    victim.place.tamper(f"UPDATE events SET {lie} WHERE leaf_index = {REVOKED}")
    by = appended(victim, pruning(victim, [REVOKED]))
    dropped(victim, REVOKED)
    victim.place.tamper("DELETE FROM states WHERE state = 'revoked'")
    assert f"was pruned by record {by}, but that was before its retention had passed" in found(victim)


def test_a_column_of_a_pruned_record_that_was_changed_is_found(victim: Victim) -> None:
    """A lawful pruning binds what it took: another of the same kind can't be made of it afterwards."""
    first = appended(victim, *(aged(event, 300) for event in _old_life()))
    victim.sign()
    observation = first - 1
    by = appended(victim, pruning(victim, [observation], days=200))
    dropped(victim, observation, column="occurred_at_us = occurred_at_us - 1")
    assert f"record {by} (BodiesPruned, id " in found(victim)
    assert "the columns of a record that it names are not what they were" in found(victim)


def _old_life() -> tuple[Event, ...]:
    return trained(7), evaluated(7), barred(7), revoked(7)


def test_a_record_that_only_claims_to_be_old_is_found(victim: Victim) -> None:
    """It stands after records of today, so it was appended today."""
    observation = appended(victim, aged(barred(1), 400))
    by = appended(victim, pruning(victim, [observation]))
    dropped(victim, observation)
    assert f"record {observation} (ApprovalBarred, " in found(victim)
    assert f"was pruned by record {by}, but that was before its retention had passed" in found(victim)


def test_a_pruning_of_what_is_young_is_found(victim: Victim) -> None:
    """No policy lets a log go before six months."""
    by = appended(victim, pruning(victim, [appended(victim, barred(1))], days=0))
    assert f"record {by} (BodiesPruned, id " in found(victim)
    assert f"lets records go that are not {LEAST_DAYS} days old" in found(victim)


def test_a_pruning_of_next_year_is_found(victim: Victim) -> None:
    """Age is counted to the pruning's own time, so that time must have come."""
    appended(victim, pruning(victim, [appended(victim, barred(1))], days=-10, ahead=LEAST_DAYS))
    assert "is dated in the future" in found(victim)


def test_the_append_refuses_to_close_a_version_that_is_not_retired(victim: Victim) -> None:
    """Everybody who may append, and the keeper too, goes by the states of the versions."""
    with pytest.raises(IllegalTransition, match="credit:1 is revoked in local, so its past can't be pruned"):
        appended(victim, pruning(victim, [0, 1, REVOKED], rule="closed versions", closed=[1]))


def test_a_closed_version_that_was_not_retired_is_found(victim: Victim, monkeypatch: pytest.MonkeyPatch) -> None:
    """With writing of their own the refusal is got round, and the whole past of a version is gone; nothing retired it."""
    with monkeypatch.context() as patched:
        patched.setattr(Legality, "_close", lambda *_: None)
        by = appended(victim, pruning(victim, [0, 1, REVOKED], rule="closed versions", closed=[1], days=0))
    dropped(victim, 0, 1, REVOKED)
    victim.place.tamper("DELETE FROM states WHERE version = 1")
    told = found(victim)
    assert f"record {by} (BodiesPruned, id " in told
    assert "closes credit:1, which is not retired in local" in told
    assert not examine(victim.url).mendable


def test_a_closed_version_that_was_retired_only_now_is_found(victim: Victim) -> None:
    """Its retirement stays readable, and so does when it was."""
    appended(victim, retired(1))
    by = appended(victim, pruning(victim, [0, 1, REVOKED], rule="closed versions", closed=[1]))
    dropped(victim, 0, 1, REVOKED)
    told = found(victim)
    assert f"record {by} (BodiesPruned, id " in told
    assert "closes credit:1, which is not retired anywhere, or not for long enough" in told


def test_a_retirement_that_was_pruned_is_found(victim: Victim) -> None:
    """When a version ended is what its pruning rests on: that record is kept for good."""
    end = appended(victim, retired(1))
    appended(victim, pruning(victim, [end], rule="closed versions", closed=[1]))
    dropped(victim, end)
    assert f"record {end} (VersionRetired, " in found(victim)
    assert "or one that is kept for good" in found(victim)


@pytest.mark.parametrize("name", ["credit", None], ids=["by its name", "with everything"])
def test_a_record_that_was_pruned_under_a_legal_hold_is_found(victim: Victim, name: str | None) -> None:
    """The hold was in force at that moment, as the ledger says itself."""
    observation = appended(victim, barred(1))
    hold = LegalHoldPlaced(hold_id=new_id(), name=name, reason="Case 12/2026.")
    appended(victim, Event.happened(hold, subject=LEDGER, actor=SERVICE, environment="local"))
    by = appended(victim, pruning(victim, [observation]))
    dropped(victim, observation)
    assert f"was pruned by record {by}, but it was under a legal hold" in found(victim)


def test_a_record_that_two_prunings_name_is_found(victim: Victim) -> None:
    """Each would excuse the other's columns."""
    observation = appended(victim, barred(1))
    appended(victim, pruning(victim, [observation]))
    by = appended(victim, pruning(victim, [observation]))
    dropped(victim, observation)
    assert f"L0 {by}: record {by} (BodiesPruned, " in found(victim)
    assert "says what can't be" in found(victim)
