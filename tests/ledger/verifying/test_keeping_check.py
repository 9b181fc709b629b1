"""What verification asks of values beside the leaves knows every body that commits to one."""

from __future__ import annotations

import typing

import pytest

from lifecycle.errors import Refused, UnknownName
from lifecycle.ledger.keeping.holds import Hold, hold_named, require_free
from lifecycle.ledger.keeping.pruned import PrunedRanges
from lifecycle.ledger.verifying.keeping_check import COMMITTED
from lifecycle.records.bodies import BODIES
from lifecycle.records.bodies.keeping import BodiesPruned, LeafRange
from lifecycle.records.identity import Commitment
from lifecycle.records.record import digest_of


def test_every_body_that_commits_to_a_value_is_asked_for_it() -> None:
    """A commitment in a body that verification does not know could lose its value unseen."""
    holding = {
        body
        for body in BODIES.values()
        for field in body.model_fields.values()
        if Commitment in (field.annotation, *typing.get_args(field.annotation))
    }
    assert set(COMMITTED) == holding


def pruning(*ranges: tuple[int, int]) -> BodiesPruned:
    some = tuple(LeafRange(start=start, end=end) for start, end in ranges)
    return BodiesPruned(
        rule="MonitoringReported",
        ranges=some,
        count=0,
        columns_digest=digest_of(b""),
        before_us=0,
        policy_digest=digest_of(b""),
        closed_versions=(),
    )


def test_a_range_speaks_of_its_records_and_of_none_after_its_event() -> None:
    """Several prunings may overlap; none excuses what stands at or after its own place."""
    ranges = PrunedRanges.of({10: pruning((0, 3), (5, 20)), 30: pruning((2, 4), (25, 26))})
    assert [index for index in range(40) if index in ranges] == [0, 1, 2, 3, 5, 6, 7, 8, 9, 25]
    assert (ranges.by(9), ranges.by(3), ranges.by(10)) == (10, 30, None)


def test_a_hold_covers_its_name_and_one_on_everything_covers_all() -> None:
    """And a refusal names each that covers."""
    one, all_of_it = Hold("a", "credit", "Case 1.", 0, 0, committed=False), Hold("b", None, "Case 2.", 0, 1, committed=True)
    require_free([one], {"fraud"})
    with pytest.raises(Refused, match=r"a on credit: Case 1.; b on everything: Case 2."):
        require_free([one, all_of_it], {"credit"})
    assert hold_named([one, all_of_it], "b") is all_of_it
    with pytest.raises(UnknownName, match="'c'"):
        hold_named([one], "c")
