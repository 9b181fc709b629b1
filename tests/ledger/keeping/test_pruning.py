"""The bytes of an event may go after their retention; the leaf, and every proof over it, stays."""

from __future__ import annotations

import pytest

from lifecycle.errors import Tampered
from lifecycle.ledger.ledger import Ledger
from tests.ledger.happenings import ORIGIN
from tests.ledger.places import EVERY_DATABASE
from tests.ledger.victim import Victim

pytestmark = EVERY_DATABASE


def test_bytes_can_go_and_every_proof_still_holds(victim: Victim) -> None:
    """The head, the signed checkpoints and the inclusion of other records need the hash of a leaf and not its bytes."""
    victim.place.change("UPDATE events SET stored = NULL WHERE leaf_index = 5")
    with Ledger.open(victim.url, origin=ORIGIN) as ledger:
        assert ledger.proof(6).index == 6
    result = victim.verify()
    assert result.signed_size == 10
    assert [finding.index for finding in result.findings] == [5]


def test_bytes_that_are_gone_are_a_finding_while_nothing_prunes(victim: Victim) -> None:
    """There is no event yet that says that bytes were pruned, so missing ones are tampering, and are never handed out."""
    victim.place.change("UPDATE events SET stored = NULL WHERE leaf_index = 5")
    assert f"record 5 (KeyRevoked, id {victim.events[5].id}) was altered: its bytes are gone" in victim.verify().findings[0].what
    with Ledger.open(victim.url, origin=ORIGIN) as ledger, pytest.raises(Tampered, match="its bytes are gone"):
        ledger.stored(5)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET stored = bytes_of('{}')",
        "UPDATE events SET stored = NULL, leaf_hash = zeroblob(32)",
        "UPDATE events SET stored = NULL, subject_name = 'other'",
        "UPDATE events SET stored = NULL, run_id = 'run'",
    ],
)
def test_the_triggers_let_nothing_else_go_with_them(victim: Victim, statement: str) -> None:
    """Bytes are never replaced, and no column changes when they go."""
    with pytest.raises(victim.place.error, match="append-only"):
        victim.place.change(statement)


def test_bytes_that_went_do_not_come_back(victim: Victim) -> None:
    """Nobody fills in what was pruned."""
    victim.place.change("UPDATE events SET stored = NULL WHERE leaf_index = 5")
    with pytest.raises(victim.place.error, match="append-only"):
        victim.place.change("UPDATE events SET stored = bytes_of('{}') WHERE leaf_index = 5")
