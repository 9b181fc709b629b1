"""Proofs that the ledger gives out are believed by somebody who has one key and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lifecycle.errors import Tampered, Unavailable, UnknownName
from lifecycle.ledger.ledger import Ledger
from lifecycle.proofs.inclusion import proven_leaf
from lifecycle.proofs.merkle import leaf_hash, root_of, verify_consistency, verify_inclusion
from lifecycle.proofs.notes import VerifierKey
from lifecycle.records.events import Event
from tests.ledger.happenings import ORIGIN, happening
from tests.ledger.places import EVERY_DATABASE, Place

pytestmark = EVERY_DATABASE


@pytest.fixture
def of_eleven(ledger: Ledger) -> Ledger:
    with ledger.writing() as writer:
        writer.append_all([happening(number) for number in range(11)])
    return ledger


def test_every_record_is_proven_in_the_log_of_every_size(of_eleven: Ledger) -> None:
    """Inclusion paths hold under the root of any earlier size, and of the head."""
    leaves = [leaf_hash(of_eleven.stored(index)) for index in range(11)]
    for size in range(1, 12):
        for index in range(size):
            verify_inclusion(leaves[index], index, size, of_eleven.inclusion(index, size), root_of(leaves[:size]))
    verify_inclusion(leaves[4], 4, 11, of_eleven.inclusion(4), of_eleven.head().root)


def test_the_log_is_proven_to_go_on_from_every_earlier_one(of_eleven: Ledger) -> None:
    """Consistency paths hold between any two sizes."""
    leaves = [leaf_hash(of_eleven.stored(index)) for index in range(11)]
    for new in range(12):
        for old in range(new + 1):
            verify_consistency(old, new, of_eleven.consistency(old, new), root_of(leaves[:old]), root_of(leaves[:new]))


def test_proofs_follow_the_ledger_as_it_grows(of_eleven: Ledger) -> None:
    """A tree that was asked before knows what was appended after, by whomever."""
    of_eleven.inclusion(0)
    with Ledger.open(of_eleven.url, origin=ORIGIN) as other:
        receipt = other.append(happening(11))
    verify_inclusion(receipt.leaf_hash, 11, 12, of_eleven.inclusion(11), of_eleven.head().root)


@pytest.mark.parametrize(("index", "size"), [(11, None), (-1, None), (3, 3), (0, 12)])
def test_a_proof_of_what_is_not_there_is_refused(of_eleven: Ledger, index: int, size: int | None) -> None:
    """An index or a size beyond the ledger is an error that says how far it goes."""
    with pytest.raises(UnknownName):
        of_eleven.inclusion(index, size)


def test_consistency_with_a_longer_log_is_refused(of_eleven: Ledger) -> None:
    """There is no way back."""
    with pytest.raises(UnknownName, match="no beginning"):
        of_eleven.consistency(5, 4)


def test_a_proof_convinces_somebody_who_has_only_the_key(of_eleven: Ledger, log_key: VerifierKey, signed: Callable[[], str]) -> None:
    """The leaf that comes out of a proof is the event, and the checkpoint is the one that was signed."""
    signed()
    proof = of_eleven.proof(6)
    leaf, checkpoint = proven_leaf(proof, [log_key])
    assert Event.parse(leaf) == of_eleven.events(since=6, limit=1)[0].event
    assert checkpoint.size == 11


def test_a_record_is_proven_against_the_latest_checkpoint(of_eleven: Ledger, log_key: VerifierKey, signed: Callable[[], str]) -> None:
    """Once more was signed, old records are proven in the longer log."""
    signed()
    of_eleven.append(happening(11))
    assert proven_leaf(of_eleven.proof(2), [log_key])[1].size == 11
    signed()
    assert proven_leaf(of_eleven.proof(2), [log_key])[1].size == 12


def test_what_no_checkpoint_covers_has_no_proof_yet(of_eleven: Ledger, signed: Callable[[], str]) -> None:
    """The error says how to get one, before the first signature and after a later append."""
    with pytest.raises(Unavailable, match="No ledger checkpoint covers record 3"):
        of_eleven.proof(3)
    signed()
    of_eleven.append(happening(11))
    with pytest.raises(Unavailable, match="covers record 11"):
        of_eleven.proof(11)
    assert of_eleven.proof(10).index == 10


def test_no_proof_is_given_out_for_a_ledger_that_was_changed(of_eleven: Ledger, place: Place, signed: Callable[[], str]) -> None:
    """A leaf hash that was changed elsewhere in the tree makes the path wrong: the ledger notices before anybody else."""
    signed()
    place.tamper("UPDATE events SET leaf_hash = zeroblob(32) WHERE leaf_index = 0")
    with pytest.raises(Tampered):
        of_eleven.proof(6)
