"""Reads: every filter, and never a record that was altered."""

from __future__ import annotations

from typing import Any

import pytest

from lifecycle.errors import Tampered, UnknownName
from lifecycle.ledger.ledger import Ledger
from lifecycle.records.identity import Commitment, commit
from tests.ledger.happenings import evaluated, happening, retired, revoked, trained
from tests.ledger.places import EVERY_DATABASE, Place

pytestmark = EVERY_DATABASE


@pytest.fixture
def filled(ledger: Ledger) -> Ledger:
    """0 trained 1, 1 trained 2, 2 evaluated 1, 3 fraud trained 1, 4 revoked 2 in production, 5 a key."""
    events = [
        trained(1),
        trained(2),
        evaluated(1),
        trained(1, model="fraud"),
        revoked(2, environment="production"),
        happening(0, run_id="run"),
    ]
    with ledger.writing() as writer:
        writer.append_all(events)
    return ledger


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"types": ("ModelTrained",)}, [0, 1, 3]),
        ({"types": ["ModelTrained", "ModelEvaluated"], "name": "credit"}, [0, 1, 2]),
        ({"types": ()}, []),
        ({"kind": "key"}, [5]),
        ({"kind": "model", "name": "fraud"}, [3]),
        ({"name": "credit", "version": 2}, [1, 4]),
        ({"environment": "production"}, [4]),
        ({"run_id": "run"}, [5]),
        ({"since": 4}, [4, 5]),
        ({"newest_first": True, "limit": 2}, [5, 4]),
        ({"types": ("ModelTrained",), "newest_first": True, "limit": 1, "since": 2}, [3]),
        ({"limit": 2}, [0, 1]),
        ({"name": "nobody"}, []),
    ],
)
def test_events_that_fit_every_filter_come_in_order(filled: Ledger, wanted: dict[str, Any], found: list[int]) -> None:
    """Filters narrow together; the order is that of the ledger, or its reverse. A writer reads the same."""
    assert [recorded.index for recorded in filled.events(**wanted)] == found
    with filled.writing() as writer:
        assert [recorded.index for recorded in writer.events(**wanted)] == found


def test_an_event_reads_back_as_it_was_written(ledger: Ledger) -> None:
    """Every field, and the body with its own type."""
    event = trained(3)
    ledger.append(event)
    assert ledger.event(event.id).event == event.with_sequence(1)
    assert ledger.find(event.id) == ledger.event(event.id)


def test_what_the_ledger_does_not_hold_is_said_so(filled: Ledger) -> None:
    """An unknown id is an error where it must exist, None where it may; an index beyond the end is an error."""
    assert filled.find("nothing") is None
    with pytest.raises(UnknownName, match="no event 'nothing'"):
        filled.event("nothing")
    with pytest.raises(UnknownName, match="records 0 to 5"):
        filled.stored(6)
    with pytest.raises(UnknownName):
        filled.stored(-1)


@pytest.mark.parametrize(
    "script",
    [
        "UPDATE events SET stored = edited(stored, 'training-1', 'training-9') WHERE leaf_index = 0",
        "UPDATE events SET leaf_hash = zeroblob(32) WHERE leaf_index = 0",
        "UPDATE events SET subject_digest = 'sha256:0' WHERE leaf_index = 0",
        "UPDATE events SET occurred_at_us = occurred_at_us + 1 WHERE leaf_index = 0",
        "UPDATE events SET actor_id = 'mallory' WHERE leaf_index = 0",
    ],
)
def test_an_altered_record_is_never_handed_out(filled: Ledger, place: Place, script: str) -> None:
    """Whoever reads it gets an error that names it, not its content; the records beside it still read."""
    place.tamper(script)
    with pytest.raises(Tampered, match="Record 0 of the ledger"):
        filled.events()
    assert [recorded.index for recorded in filled.events(since=1)] == [1, 2, 3, 4, 5]


def test_a_kept_value_opens_its_commitment(ledger: Ledger) -> None:
    """Keeping twice is keeping once; an unknown commitment says that the value was erased or never kept."""
    commitment, opening = commit({"age": 41, "name": "Ω"})
    for _ in range(2):
        with ledger.writing() as writer:
            writer.keep(opening, "applicant-1")
    assert ledger.opening(commitment) == opening
    other, _ = commit("other")
    with pytest.raises(UnknownName, match="erased, or never was"):
        ledger.opening(other)


def test_a_value_that_does_not_open_its_commitment_is_refused(ledger: Ledger, place: Place) -> None:
    """A value that was changed beside the log is not handed out."""
    commitment, opening = commit("original")
    with ledger.writing() as writer:
        writer.keep(opening, "applicant-1")
    place.tamper("UPDATE openings SET value = '\"changed\"'")
    with pytest.raises(Tampered, match="not the one that was committed to"):
        ledger.opening(Commitment(digest=commitment.digest))


def test_the_state_that_a_reader_sees_does_not_move_under_it(filled: Ledger) -> None:
    """One call reads as of one moment, and the next sees what was appended since."""
    before = filled.events()
    filled.append(retired(2, environment="production"))
    assert len(filled.events()) == len(before) + 1
