"""A restore that never was, told so that what is missing is excused: the backup that it names must be the records before it."""

from __future__ import annotations

import pytest

from lifecycle.ledger.ledger import Ledger
from lifecycle.proofs.merkle import EMPTY_ROOT, Frontier, leaf_hash
from lifecycle.records.bodies.keeping import LedgerRestored
from lifecycle.records.events import Event, Subject
from tests.ledger.happenings import ORIGIN, SERVICE
from tests.ledger.places import EVERY_DATABASE
from tests.ledger.victim import Victim, said

pytestmark = EVERY_DATABASE


def restored(victim: Victim, root: bytes, *, size: int = 12) -> None:
    body = LedgerRestored(backup_size=size, backup_root=f"sha256:{root.hex()}", last_known=None, lost=0, reason="Nothing happened.")
    with Ledger.open(victim.url, origin=ORIGIN) as ledger:
        ledger.append(Event.happened(body, subject=Subject(kind="ledger", name="ledger"), actor=SERVICE, environment="local"))


@pytest.mark.parametrize("root", [b"\x11" * 32, EMPTY_ROOT])
def test_a_restore_from_a_backup_that_is_not_what_stands_before_it_is_found(victim: Victim, root: bytes) -> None:
    """Its root is made up; the records before it have another."""
    restored(victim, root)
    result = victim.verify()
    assert (result.ok, result.level) == (False, "none")
    assert "not what the backup that record 12 says the ledger was restored from covers" in said(result)


def test_a_restore_from_what_stands_before_it_is_told_and_no_finding(victim: Victim) -> None:
    """With the root of exactly those records it is what every restore looks like."""
    tree = Frontier()
    for event in victim.events:
        tree.append(leaf_hash(event.canonical()))
    restored(victim, tree.root())
    result = victim.verify()
    assert (result.findings, len(result.notices), result.level) == ((), 1, "L2")


def test_a_restore_at_another_place_than_its_backup_s_end_is_found(victim: Victim) -> None:
    """It stands right after the backup, or it is none."""
    restored(victim, b"\x11" * 32, size=5)
    assert "record 12 says of a restore what can't be" in said(victim.verify())
