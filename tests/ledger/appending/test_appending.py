"""Appends: one place each, all or nothing, and the same event never twice."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifecycle.errors import Tampered
from lifecycle.ledger.ledger import Ledger
from lifecycle.proofs.merkle import leaf_hash, root_of
from tests.ledger.happenings import happening, revoked, trained
from tests.ledger.places import EVERY_DATABASE

pytestmark = EVERY_DATABASE


def test_events_stand_in_the_order_in_which_they_were_appended(ledger: Ledger) -> None:
    """Indexes count from 0 without a gap, over single appends and batches."""
    receipts = [ledger.append(happening(0))]
    with ledger.writing() as writer:
        receipts += writer.append_all([happening(1), happening(2)])
        receipts.append(writer.append(happening(3)))
    assert [receipt.index for receipt in receipts] == [0, 1, 2, 3]
    assert [recorded.event.id for recorded in ledger.events()] == [receipt.event_id for receipt in receipts]


def test_the_bytes_of_an_event_are_stored_verbatim_and_hashed(ledger: Ledger) -> None:
    """What is stored is the canonical form, with the place in its stream, and the receipt and the root are over exactly that."""
    event = trained(1)
    receipt = ledger.append(event)
    placed = event.with_sequence(1).canonical()
    assert ledger.stored(receipt.index) == placed
    assert receipt.leaf_hash == leaf_hash(placed) == ledger.head().root


def test_a_retried_event_is_recorded_once(ledger: Ledger) -> None:
    """The same bytes again get the first receipt, and nothing is written."""
    event = happening(1)
    first = ledger.append(event)
    ledger.append(happening(2))
    before = ledger.head()
    assert ledger.append(event) == first
    assert ledger.head() == before


def test_a_batch_that_holds_an_event_twice_records_it_once(ledger: Ledger) -> None:
    """Within one call as well."""
    event = happening(1)
    with ledger.writing() as writer:
        receipts = writer.append_all([event, happening(2), event])
    assert [receipt.index for receipt in receipts] == [0, 1, 0]
    assert ledger.head().size == 2


def test_an_id_with_other_content_is_refused_and_nothing_is_written(ledger: Ledger) -> None:
    """An event id means one event, for ever; the batch around the impostor is not written either."""
    ledger.append(happening(1, event_id="same"))
    before = ledger.head()
    with pytest.raises(Tampered, match="same stands in the ledger with other content"), ledger.writing() as writer:
        writer.append_all([happening(2), happening(3, event_id="same")])
    assert ledger.head() == before
    assert len(ledger.events()) == 1


def test_two_events_of_one_id_in_one_batch_are_refused(ledger: Ledger) -> None:
    """The first of the two does not slip in."""
    with pytest.raises(Tampered, match="other content"), ledger.writing() as writer:
        writer.append_all([happening(1, event_id="same"), happening(2, event_id="same")])
    assert ledger.head().size == 0


def test_a_block_that_raises_writes_nothing(ledger: Ledger) -> None:
    """Everything that was appended in it is gone, and the next append takes its place."""
    ledger.append(happening(0))
    before = ledger.head()

    def append_and_think_again() -> None:
        with ledger.writing() as writer:
            writer.append(happening(1))
            raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError, match="changed my mind"):
        append_and_think_again()
    assert ledger.head() == before
    assert ledger.append(happening(2)).index == 1


def test_a_writer_sees_what_it_appended_and_others_do_not_yet(ledger: Ledger) -> None:
    """A transaction reads its own writes; readers beside it neither wait nor see them."""
    with ledger.writing() as writer:
        writer.append(happening(0))
        assert len(writer.events()) == 1
        assert ledger.events() == []
    assert len(ledger.events()) == 1


def test_the_next_version_is_one_past_every_event_of_the_model(ledger: Ledger) -> None:
    """Every version that was ever spoken of counts, also a failed or revoked one; other models do not."""
    with ledger.writing() as writer:
        assert writer.next_version("credit") == 1
        writer.append(trained(4))
        assert writer.next_version("credit") == 5
        writer.append_all([trained(9, model="fraud"), revoked(4)])
        assert writer.next_version("credit") == 5
        assert writer.next_version("fraud") == 10


def test_an_empty_batch_changes_nothing(ledger: Ledger) -> None:
    """No event, no receipt, no write."""
    with ledger.writing() as writer:
        assert writer.append_all([]) == []
    assert ledger.head().size == 0


def test_a_batch_beyond_the_bound_of_a_statement_is_written_whole(ledger: Ledger) -> None:
    """More ids than one statement may ask for are asked for in several."""
    events = [happening(number) for number in range(1_201)]
    with ledger.writing() as writer:
        first = writer.append_all(events)
        again = writer.append_all(events)
    assert first == again
    assert ledger.head().size == 1_201


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(batches=st.lists(st.integers(0, 5), max_size=6))
def test_however_events_come_the_head_is_over_all_of_them(ledger: Ledger, batches: list[int]) -> None:
    """After any sequence of batches the stored head is the root over every stored record."""
    for size in batches:
        with ledger.writing() as writer:
            writer.append_all([happening(number) for number in range(size)])
    head = ledger.head()
    assert head.root == root_of(leaf_hash(ledger.stored(index)) for index in range(head.size))
