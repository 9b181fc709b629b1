"""Attack: somebody who has the log's key, and the database, writes the past anew. Each test says at which level it shows."""

from __future__ import annotations

import pytest

from lifecycle.errors import InvalidDeclaration
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.log_key.keys import read_log_key
from lifecycle.ledger.log_key.rotating import rotate_key
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.proofs.notes import SigningKey
from lifecycle.proofs.rotation import Rotation
from lifecycle.proofs.signature_lines import encode
from lifecycle.proofs.trust import Trust
from lifecycle.records.bodies import LogKeyRotated
from lifecycle.records.events import Event, Subject
from tests.ledger.happenings import ORIGIN, SERVICE, happening
from tests.ledger.outsiders import Outsiders
from tests.ledger.places import EVERY_DATABASE, SQLITE_ONLY
from tests.ledger.victim import ALTER_FIVE, Victim, said


def rewrite(victim: Victim) -> None:
    """Edits a record, and makes everything fit again, signatures included."""
    victim.place.tamper(ALTER_FIVE)
    victim.rehash()
    victim.rebuild_checkpoints(victim.stolen_key)


@EVERY_DATABASE
def test_a_rebuilt_log_beside_its_receipts_is_named_at_l3_and_l4(victim: Victim, outsiders: Outsiders) -> None:
    """The stamp and the quorum are on another tree: both are told, and what is left is the log's own word."""
    outsiders.anchor(victim.url, victim.sign())
    assert outsiders.verified(victim.url).level == "L4"
    rewrite(victim)
    result = outsiders.verified(victim.url)
    assert (result.ok, result.level) == (False, "L1")
    assert {finding.breaks for finding in result.findings} == {"L3", "L4"}
    assert "what the time stamp of clock covers" in said(result)
    assert "what a quorum of witnesses cosigned covers" in said(result)


@EVERY_DATABASE
def test_a_rebuilt_log_without_receipts_reaches_no_more_than_l1(victim: Victim, outsiders: Outsiders) -> None:
    """Whoever drops the receipts has nothing to show; with the checkpoint that the auditor held it is named at L2."""
    outsiders.anchor(victim.url, victim.sign())
    rewrite(victim)
    victim.place.tamper("DELETE FROM anchors")
    result = outsiders.verified(victim.url)
    assert (result.ok, result.level, result.exposure) == (True, "L1", None)
    held = outsiders.verified(victim.url, held=(victim.held,))
    assert (held.ok, held.level, [finding.breaks for finding in held.findings]) == (False, "L1", ["L2"])


@EVERY_DATABASE
def test_no_quorum_cosigns_a_rebuilt_log(victim: Victim, outsiders: Outsiders) -> None:
    """The thief asks again: every witness that remembers refuses, and says what it remembers to the next that asks."""
    outsiders.anchor(victim.url, victim.sign())
    rewrite(victim)
    victim.place.tamper("DELETE FROM anchors")
    with Ledger.open(victim.url, origin=ORIGIN) as ledger:
        note = ledger.checkpoint()
    assert note is not None
    assert [answer.status for answer in outsiders.anchor(victim.url, note)] == [422, 422, 422]
    assert outsiders.verified(victim.url).level == "L3"


@EVERY_DATABASE
def test_a_rebuilt_log_is_as_old_as_its_stamp_and_no_older(victim: Victim, outsiders: Outsiders) -> None:
    """A thief can have the new past stamped; the stamp says since when it can be shown, and a stamp of before does not fit it."""
    before = outsiders.stamp(victim.url, victim.sign())
    rewrite(victim)
    with Ledger.open(victim.url, origin=ORIGIN) as ledger:
        note = ledger.checkpoint()
    assert note is not None
    assert outsiders.stamp(victim.url, note) >= before
    result = outsiders.verified(victim.url)
    assert (result.ok, [finding.breaks for finding in result.findings]) == (False, ["L3"])


@SQLITE_ONLY
def test_a_thief_of_the_key_before_signs_nothing_after_the_change(victim: Victim) -> None:
    """Rebuilt past the end of the stolen key, the log is not its key's to sign any more, for whoever knows when it ended."""
    stolen = victim.stolen_key
    victim.sign()
    rotate_key(victim.url, victim.keys / "ledger.key", ORIGIN, reason="stolen", environment="local", overlap=0)
    with Ledger.open(victim.url, origin=ORIGIN) as ledger:
        ledger.append(happening(50))
    victim.sign()
    following = read_log_key(victim.keys).bound_to(13, None)
    trust = Trust(origin=ORIGIN, log_keys=(victim.log_key.bound_to(0, 12), following))
    assert verify_ledger(victim.url, None, trust=trust).level == "L1"
    victim.place.tamper("DELETE FROM events WHERE type = 'LogKeyRotated'; UPDATE events SET leaf_index = 12 WHERE leaf_index = 13")
    victim.rehash()
    with Ledger.open(victim.url, origin=ORIGIN) as ledger:
        ledger.append(happening(51))
    victim.rebuild_checkpoints(stolen)
    result = verify_ledger(victim.url, None, trust=trust)
    assert (result.ok, result.level) == (False, "L0")
    assert "does not sign checkpoints of that size" in said(result)


@SQLITE_ONLY
def test_a_retired_key_that_was_stolen_hands_the_log_to_nobody(victim: Victim) -> None:
    """Its end is trusted and its successor too; what it signs afterwards, however it is dated, leads to no third key."""
    stolen, mine, following = victim.stolen_key, SigningKey(ORIGIN, bytes(32)), SigningKey(ORIGIN, bytes([7]) * 32)
    trust = Trust(origin=ORIGIN, log_keys=(victim.log_key.bound_to(0, 12), following.verifier.bound_to(13, None)))
    _take_over(victim, stolen, mine, 12)
    result = verify_ledger(victim.url, None, trust=trust)
    assert (result.ok, result.level) == (False, "L0")
    assert [(finding.index, finding.breaks) for finding in result.findings if "gives the log no other key" in finding.what] == [(12, "L1")]


@SQLITE_ONLY
def test_a_thief_can_not_take_the_log_over_after_the_owner_changed_the_key(victim: Victim) -> None:
    """A key hands over once: the second change by it is named, and gives nobody anything."""
    stolen, mine = victim.stolen_key, SigningKey(ORIGIN, bytes(32))
    rotate_key(victim.url, victim.keys / "ledger.key", ORIGIN, reason="stolen", environment="local", overlap=0)
    _take_over(victim, stolen, mine, 13)
    result = victim.verify()
    assert [(finding.index, finding.breaks) for finding in result.findings] == [(13, "L1")]
    assert "gives the log no other key" in said(result)


@SQLITE_ONLY
def test_a_thief_who_is_first_keeps_the_owner_from_signing(victim: Victim) -> None:
    """The honest limit: the log can't tell the two apart. The owner's signer finds out at once, and says what happened."""
    stolen, mine = victim.stolen_key, SigningKey(ORIGIN, bytes(32))
    _take_over(victim, stolen, mine, 12)
    assert victim.verify().ok
    with pytest.raises(InvalidDeclaration, match="the log has changed its key"):
        victim.sign()


def _take_over(victim: Victim, stolen: SigningKey, mine: SigningKey, size: int) -> None:
    rotation = Rotation.signed(stolen, mine, from_size=size + 1, old_until_size=size, reason="mine now")
    body = LogKeyRotated(
        old_key=str(rotation.old),
        new_key=str(rotation.new),
        from_size=rotation.from_size,
        old_until_size=rotation.old_until_size,
        reason=rotation.reason,
        old_signature=encode(rotation.old_signature),
        new_signature=encode(rotation.new_signature),
    )
    with Ledger.open(victim.url, origin=ORIGIN) as ledger:
        ledger.append(Event.happened(body, subject=Subject(kind="key", name="log"), actor=SERVICE, environment="local"))
