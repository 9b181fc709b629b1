"""Somebody writes receipts beside the ledger, so that it seems to have been seen outside: what does not verify counts for nothing."""

from __future__ import annotations

import pytest

from lifecycle.ledger.receipts import AnchorKind, AnchorReceipt, ReceiptBook
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.proofs.cosignatures import WitnessSigner
from lifecycle.proofs.notes import Checkpoint
from lifecycle.proofs.trust import Trust
from lifecycle.proofs.witness_policy import WitnessPolicy
from lifecycle.records.identity import now_us
from tests.ledger.happenings import ORIGIN
from tests.ledger.places import EVERY_DATABASE
from tests.ledger.victim import Victim

pytestmark = EVERY_DATABASE

WITNESS = WitnessSigner("w.example", bytes([9]) * 32)
POLICY = WitnessPolicy.parse(f"witness w {WITNESS.verifier}\nquorum w\n")


def kept(victim: Victim, kind: AnchorKind, note: str, receipt: bytes, *, at_us: int = 0) -> None:
    checkpoint = Checkpoint.parse(note)
    with ReceiptBook(victim.url, writable=True) as book:
        book.keep(AnchorReceipt("w.example", kind, checkpoint.size, checkpoint.root_hash, at_us or now_us(), note, receipt))


@pytest.mark.parametrize("kind", ["witness", "folder", "git", "timestamp"])
def test_a_receipt_that_nobody_gave_is_no_exposure(victim: Victim, kind: AnchorKind) -> None:
    """The log's own note with an empty answer: nobody else has a part in that, and it is told that it could not be verified."""
    kept(victim, kind, victim.sign(), b"")
    result = verify_ledger(victim.url, None, trust=Trust(origin=ORIGIN, log_keys=(victim.log_key,), policies=(POLICY,)))
    assert (result.level, result.exposure) == ("L1", None)
    assert len(result.notices) == 1


def test_a_genuine_receipt_is_not_outdone_by_a_forged_one(victim: Victim) -> None:
    """The witness saw eight records a month ago; that it saw twelve just now is made up."""
    month_ago = now_us() // 1_000_000 - 30 * 86_400
    line = WITNESS.cosign(Checkpoint.parse(victim.held).text(), month_ago)
    kept(victim, "witness", victim.held, f"{line}\n".encode(), at_us=now_us())
    kept(victim, "witness", victim.sign(), b"")
    result = verify_ledger(victim.url, None, trust=Trust(origin=ORIGIN, log_keys=(victim.log_key,), policies=(POLICY,)))
    assert result.exposure is not None
    seen = (result.exposure.anchor, result.exposure.size, result.exposure.at_us, result.exposure.leaves_since)
    assert seen == ("w.example", 8, month_ago * 1_000_000, 4)


def test_a_folder_counts_where_the_verifier_has_read_it(victim: Victim) -> None:
    """A note in the verifier's own hands is one that somebody outside has seen."""
    kept(victim, "folder", victim.held, b"/mnt/archive")
    trust = Trust(origin=ORIGIN, log_keys=(victim.log_key,), checkpoints=(victim.held,))
    found = verify_ledger(victim.url, None, trust=trust).exposure
    assert found is not None
    assert (found.size, found.leaves_since) == (8, 4)
