"""Attack: a record that claims another time than it was written at. It shows at L3, between the anchors around it."""

from __future__ import annotations

import time

import pytest

from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.verifying.time_check import TOLERANCE_SECONDS
from tests.ledger.happenings import ORIGIN, happening
from tests.ledger.outsiders import Outsiders
from tests.ledger.places import EVERY_DATABASE
from tests.ledger.victim import Victim, said

pytestmark = EVERY_DATABASE
HOUR_US = 3_600 * 1_000_000


def claim(victim: Victim, at_us: int) -> str:
    """Records something as having happened then; returns its id."""
    event = happening(70).model_copy(update={"occurred_at_us": at_us})
    with Ledger.open(victim.url, origin=ORIGIN) as ledger:
        ledger.append(event)
    return event.id


@pytest.mark.parametrize("hours", [1, 24 * 365])
def test_a_backdated_record_is_named(victim: Victim, outsiders: Outsiders, hours: int) -> None:
    """An approval "of last week" that was written after this morning's stamp: by index, type and id."""
    stamped = outsiders.stamp(victim.url, victim.sign())
    guilty = claim(victim, stamped - hours * HOUR_US)
    outsiders.stamp(victim.url, victim.sign())
    result = outsiders.verified(victim.url)
    assert (result.ok, result.level) == (False, "L1")
    assert [(finding.index, finding.breaks) for finding in result.findings] == [(12, "L3")]
    assert f"record 12 (KeyRevoked, id {guilty}) claims to have happened at" in said(result)
    assert "but came after what clock saw at" in said(result)


def test_a_postdated_record_is_named(victim: Victim, outsiders: Outsiders) -> None:
    """What an authority has stamped did not happen tomorrow."""
    claim(victim, time.time_ns() // 1_000 + 24 * HOUR_US)
    outsiders.stamp(victim.url, victim.sign())
    result = outsiders.verified(victim.url)
    assert [(finding.index, finding.breaks) for finding in result.findings] == [(12, "L3")]
    assert "saw it at" in said(result)
    assert "postdated" in said(result)


def test_without_anchors_a_claimed_time_stands(victim: Victim, outsiders: Outsiders) -> None:
    """The honest limit: below L3 nobody knows when a record was written."""
    claim(victim, 1_000_000)
    victim.sign()
    assert (outsiders.verified(victim.url).ok, outsiders.verified(victim.url).level) == (True, "L1")


def test_within_the_tolerance_nobody_is_accused(victim: Victim, outsiders: Outsiders) -> None:
    """Clocks differ, and a stamp takes a while; what hides within the tolerance is not found."""
    stamped = outsiders.stamp(victim.url, victim.sign())
    claim(victim, stamped - (TOLERANCE_SECONDS - 5) * 1_000_000)
    assert outsiders.verified(victim.url).ok


def test_a_stamp_of_another_log_bounds_nothing_here(victim: Victim, outsiders: Outsiders) -> None:
    """A receipt that was carried over from elsewhere is named, and its time is not believed."""
    from lifecycle.proofs.merkle import EMPTY_ROOT
    from lifecycle.proofs.notes import Checkpoint, SigningKey, sign

    foreign = sign(Checkpoint("example.org/other", 3, EMPTY_ROOT), SigningKey("example.org/other", bytes(32)))
    outsiders.stamp(victim.url, foreign)
    result = outsiders.verified(victim.url)
    assert (result.ok, result.level) == (False, "L1")
    assert [finding.breaks for finding in result.findings] == ["L3"]
    assert "the receipt of the anchor clock over 3 records does not count" in said(result)
