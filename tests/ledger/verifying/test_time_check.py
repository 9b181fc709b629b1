"""Claimed times: each lies between the times at which somebody else saw the ledger before and after it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.ledger.verifying.findings import Finding
from lifecycle.ledger.verifying.time_check import ENTERED_LATE, TOLERANCE_SECONDS, SeenAt, TimeCheck
from lifecycle.records.bodies import BODIES, RollbackRequested
from lifecycle.records.bodies.serving import Trigger
from lifecycle.records.events import Actor, Event, Subject
from tests.ledger.happenings import SERVICE, digest, happening

HOUR = 3_600_000_000
TOLERANCE = TOLERANCE_SECONDS * 1_000_000
#: Ten records were seen at 10:00, twenty at 11:00, thirty at 12:00.
SEEN = [SeenAt(10, 10 * HOUR, "clock"), SeenAt(20, 11 * HOUR, "clock"), SeenAt(30, 12 * HOUR, "w1")]


def at(claimed: int) -> Event:
    return Event.happened(happening(0).body, subject=Subject(kind="key", name="keys"), actor=SERVICE, environment="local", at_us=claimed)


def found(index: int, event: Event, seen: Sequence[SeenAt] = SEEN) -> list[Finding]:
    check = TimeCheck(seen)
    return [*check.look_at(index, event), *check.end()]


@pytest.mark.parametrize(
    ("index", "claimed", "verdict"),
    [
        (0, 0, None),
        (9, 10 * HOUR, None),
        (9, 10 * HOUR + TOLERANCE, None),
        (9, 10 * HOUR + TOLERANCE + 1, "postdated"),
        (10, 10 * HOUR - TOLERANCE, None),
        (10, 10 * HOUR - TOLERANCE - 1, "backdated"),
        (15, 9 * HOUR, "backdated"),
        (15, 10 * HOUR + 1, None),
        (19, 12 * HOUR, "postdated"),
        (30, 20 * HOUR, None),
        (30, 11 * HOUR, "backdated"),
    ],
)
def test_a_time_outside_of_its_anchors_is_named(index: int, claimed: int, verdict: str | None) -> None:
    """Before the first and after the last anchor there is one bound; a tolerance on both sides."""
    findings = found(index, at(claimed))
    assert [finding.breaks for finding in findings] == ([] if verdict is None else ["L3"])
    if verdict is not None:
        assert findings[0].index == index
        assert findings[0].what.endswith(verdict)
        assert "record" in findings[0].what


def test_who_saw_it_is_named() -> None:
    """So that the finding can be held against the receipt."""
    assert "came after what clock saw at 1970-01-01 11:00:00Z" in found(25, at(9 * HOUR))[0].what


def test_without_anchors_every_time_stands() -> None:
    """Nothing is known against it."""
    assert found(0, at(0), []) == []


def test_a_stamp_that_came_late_accuses_nobody() -> None:
    """A ledger that was seen later than a longer one bounds nothing: its records may be older."""
    late = [*SEEN, SeenAt(5, 20 * HOUR, "late"), SeenAt(15, 30 * HOUR, "late")]
    assert found(15, at(10 * HOUR + 1), late) == []
    assert found(12, at(10 * HOUR + 1), late) == []
    assert found(7, at(9 * HOUR), late) == []
    assert found(17, at(12 * HOUR), late)[0].what.endswith("postdated")


def test_what_the_gateway_enters_late_is_told_and_breaks_nothing() -> None:
    """It acts first, on its journal; anybody else's event of that type is held to its time."""
    body = RollbackRequested(
        rollback_id="r",
        trigger=Trigger(kind="guardrail", metric="errors", value=None, limit=None, detail="errors"),
        from_version=1,
        from_digest=digest("model"),
        to_version=None,
        to_digest=None,
        decision_id=None,
        reason="errors",
    )
    subject = Subject(kind="model", name="credit", version=1)
    told = [
        found(15, Event.happened(body, subject=subject, actor=Actor(id=actor, kind="service"), environment="local", at_us=9 * HOUR))
        for actor in ("gateway", "somebody")
    ]
    assert [[finding.breaks for finding in findings] for findings in told] == [[None], ["L3"]]
    assert told[0][0].what.endswith("entered late, as the gateway may")


def test_what_may_be_late_are_types_of_events() -> None:
    """No name is misspelt."""
    assert set(BODIES) >= ENTERED_LATE


@given(
    seen=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 100)), max_size=12),
    index=st.integers(0, 60),
    claimed=st.integers(0, 120),
)
def test_the_bounds_are_those_of_the_definition(seen: list[tuple[int, int]], index: int, claimed: int) -> None:
    """By brute force: no later than any anchor that covers the record, no earlier than every anchor could have been for those before."""
    sights = [SeenAt(size, hour * HOUR, "clock") for size, hour in seen]
    upper = min((hour for size, hour in seen if size > index), default=10_000)
    in_time = [(size, hour) for size, hour in seen if all(hour <= other for longer, other in seen if longer >= size)]
    lower = max((hour for size, hour in in_time if size <= index), default=-1)
    expected = 1 if claimed > upper or claimed < lower else 0
    assert len(found(index, at(claimed * HOUR), sights)) == expected
