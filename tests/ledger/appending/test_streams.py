"""Every event has a place in the stream of its subject, given by the ledger, so that a missing one shows."""

from __future__ import annotations

import pytest

from lifecycle.errors import MalformedRecord
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.tiles import LONGEST_ENTRY
from lifecycle.records.bodies import VersionRevoked
from lifecycle.records.events import Event
from tests.ledger.happenings import evaluated, happening, revoked, trained


def places(ledger: Ledger) -> list[tuple[str, int | None]]:
    return [(recorded.event.stream, recorded.event.sequence) for recorded in ledger.events()]


def test_places_count_from_one_in_every_stream(ledger: Ledger) -> None:
    """Each subject has a counter of its own, which goes on over transactions and batches."""
    ledger.append(trained(1))
    with ledger.writing() as writer:
        writer.append_all([happening(1), trained(1, model="fraud"), evaluated(1)])
        writer.append(happening(2))
    assert places(ledger) == [("model/credit", 1), ("key/keys", 1), ("model/fraud", 1), ("model/credit", 2), ("key/keys", 2)]


def test_a_retry_takes_no_place(ledger: Ledger) -> None:
    """Neither one that comes as it was sent, nor one that comes as it was recorded."""
    event = happening(1)
    first = ledger.append(event)
    assert ledger.append(event) == first
    assert ledger.append(ledger.event(event.id).event) == first
    ledger.append(happening(2))
    assert places(ledger) == [("key/keys", 1), ("key/keys", 2)]


def test_a_batch_that_is_refused_takes_no_place(ledger: Ledger) -> None:
    """What was counted for it is not missing afterwards, in the same transaction either."""
    ledger.append(trained(1))
    with ledger.writing() as writer:
        with pytest.raises(MalformedRecord):
            writer.append_all([happening(1), wordy(LONGEST_ENTRY)])
        writer.append_all([happening(2), evaluated(1), revoked(1)])
    assert places(ledger) == [("model/credit", 1), ("key/keys", 1), ("model/credit", 2), ("model/credit", 3)]


def test_an_event_that_claims_another_place_is_refused(ledger: Ledger) -> None:
    """The ledger gives places; a record of another ledger does not keep its own."""
    with pytest.raises(MalformedRecord, match="number 7 of key/keys, but the next one is 1"):
        ledger.append(happening(1).with_sequence(7))
    assert ledger.head().size == 0


def test_an_event_that_no_entry_can_hold_is_refused(ledger: Ledger) -> None:
    """Up to 65,535 bytes fit into an entry of a tiled log; one more does not, and the error says what to do."""
    ledger.append(trained(1))
    spare = LONGEST_ENTRY - len(wordy(0).with_sequence(2).canonical())
    with pytest.raises(MalformedRecord, match="65536 bytes") as refused:
        ledger.append(wordy(spare + 1))
    assert "as an artifact" in refused.value.next_step
    receipt = ledger.append(wordy(spare))
    assert len(ledger.stored(receipt.index)) == LONGEST_ENTRY


def wordy(length: int) -> Event:
    event = revoked(1)
    return event.model_copy(update={"body": VersionRevoked(reason="x" * length)})
