"""Somebody who may append, and nothing else, appends what nobody can read, so that nobody can read the ledger any more."""

from __future__ import annotations

import json

import pytest

from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.looking import LookingLedger
from lifecycle.ledger.verifying.fsck import examine
from lifecycle.ledger.verifying.mending import mend
from tests.ledger.happenings import ORIGIN, happening
from tests.ledger.places import EVERY_DATABASE, POSTGRES_ONLY
from tests.ledger.victim import Victim, said

#: The parts of an event that the function for appending asks for.
ASKED_FOR = ("schema_version", "id", "type", "environment", "occurred_at_us", "actor", "subject", "inputs", "outputs", "body", "sequence")


def junk(victim: Victim, *, body: object) -> bytes:
    """An event on the keys as far as its columns go, of a known type, with something else for a body."""
    event = json.loads(victim.events[5].with_sequence(None).canonical())
    return json.dumps({**event, "id": "junk", "sequence": 9, "body": body}, separators=(",", ":"), sort_keys=True).encode()


@pytest.fixture
def littered(victim: Victim) -> Victim:
    """The last record has the shape of an event and can't be read."""
    victim.place.tamper("SELECT 1")
    victim.insert_copy_of_five(12, junk(victim, body={"body_version": 1, "other": 1}), "junk")
    victim.rehash()
    victim.sign()
    return victim


@EVERY_DATABASE
def test_a_record_that_nobody_can_read_is_named(littered: Victim) -> None:
    """It stands for good, so verification says for good which one it is."""
    result = littered.verify()
    assert (result.ok, [finding.index for finding in result.findings]) == (False, [12])
    assert "record 12 (KeyRevoked, id junk) is not an event" in said(result)


@EVERY_DATABASE
def test_a_record_that_nobody_can_read_keeps_nobody_from_the_others(littered: Victim) -> None:
    """Readers pass it over, appends go on, and projections can be made again."""
    with Ledger.open(littered.url, origin=ORIGIN) as ledger:
        after = ledger.append(happening(7)).index
        assert [recorded.index for recorded in ledger.events(since=11)] == [11, after]
        assert [recorded.index for recorded in ledger.events(newest_first=True, limit=2)] == [after, 11]
    with LookingLedger(littered.url, origin=ORIGIN) as looking:
        assert [recorded.index for recorded in looking.events(types=("KeyRevoked",), since=11)] == [11, after]
    littered.place.change("DELETE FROM states")
    assert mend(littered.url).mendable
    assert examine(littered.url).differences == ()
    littered.sign()


@POSTGRES_ONLY
@pytest.mark.parametrize("part", ASKED_FOR)
def test_what_has_not_the_shape_of_an_event_is_not_appended(victim: Victim, part: str) -> None:
    """The application's password can call the function for appending, which takes no record without each of these parts."""
    event = json.loads(junk(victim, body={"body_version": 1}))
    del event[part]
    entry = json.dumps(event).encode()
    with pytest.raises(victim.place.error, match=r"not an event|not the next"):
        victim.place.change(f"SELECT ledger_append(ARRAY[decode('{entry.hex()}', 'hex')])")
    assert victim.place.fetch("SELECT count(*) FROM events") == [(12,)]
