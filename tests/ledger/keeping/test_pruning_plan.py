"""What may be pruned: observations by their age, the past of versions that are over, and nothing that a fold or a hold needs."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.errors import IllegalTransition, InvalidDeclaration, Tampered, UnknownName
from lifecycle.ledger.keeping.holds import Hold
from lifecycle.ledger.keeping.pruning import Pruning, plan_pruning, ranges_of
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.verifying.fsck import examine
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.proofs.notes import VerifierKey
from lifecycle.records.bodies import MonitoringReported
from lifecycle.records.bodies.keeping import BodiesPruned, ClosedVersion
from lifecycle.records.events import Event, Subject
from lifecycle.records.record import DAY_US, JsonObject
from lifecycle.records.retention import RetentionPolicy
from tests.ledger.happenings import SERVICE, digest, evaluated, happening, retired, revoked, trained

NOW = 20_000 * DAY_US
POLICY = RetentionPolicy(schema_version="lifecycle.retention/1", observations={"MonitoringReported": 200}, closed_versions=400)


def reported(version: int, days_ago: int) -> Event:
    """An observation of a version."""
    body = MonitoringReported(
        window_from_us=0,
        window_to_us=1,
        rows=0,
        labelled_rows=0,
        verdicts=(),
        psi={},
        summary={},
        report_json_digest=None,
        report_html_digest=None,
    )
    subject = Subject(kind="model", name="credit", version=version, digest=digest(f"credit {version}"))
    return dated(Event.happened(body, subject=subject, actor=SERVICE, environment="local"), days_ago)


def dated(event: Event, days_ago: int) -> Event:
    return event.model_copy(update={"occurred_at_us": NOW - days_ago * DAY_US})


def plan(ledger: Ledger, *, signed: int = 1_000, holds: tuple[Hold, ...] = (), policy: RetentionPolicy = POLICY) -> dict[str, Pruning]:
    with ledger.writing() as writer:
        return {pruning.rule: pruning for pruning in plan_pruning(writer, policy, at_us=NOW, signed_size=signed, holds=holds)}


def carry_out(ledger: Ledger, prunings: dict[str, Pruning]) -> None:
    with ledger.writing() as writer:
        for pruning in prunings.values():
            writer.append(told(pruning))
            writer.drop_bodies(pruning.ranges)


def told(pruning: Pruning) -> Event:
    body = BodiesPruned(
        rule=pruning.rule,
        ranges=pruning.ranges,
        count=len(pruning.indexes),
        columns_digest=pruning.columns_digest(pruning.ranges),
        before_us=pruning.before_us,
        policy_digest=POLICY.digest,
        closed_versions=pruning.closed,
    )
    return dated(Event.happened(body, subject=Subject(kind="ledger", name="ledger"), actor=SERVICE, environment="local"), 0)


def life_of_two(ledger: Ledger) -> None:
    """Records 0 to 5: version 1 from its training to its retirement long ago; 6 and 7: version 2 lives; 8 and 9: observations."""
    ledger.append(dated(trained(1), 900))
    ledger.append(dated(evaluated(1), 899))
    ledger.append(reported(1, 800))
    ledger.append(dated(revoked(1), 700))
    ledger.append(dated(happening(0), 650))
    ledger.append(dated(retired(1), 600))
    ledger.append(dated(trained(2), 500))
    ledger.append(dated(evaluated(2), 500))
    ledger.append(reported(2, 201))
    ledger.append(reported(2, 199))


def test_observations_go_by_their_age_and_what_is_over_as_a_whole(ledger: Ledger) -> None:
    """Of a living version nothing but an old observation goes; a version that is over goes with everything but its retirement."""
    life_of_two(ledger)
    planned = plan(ledger)
    assert planned["MonitoringReported"].indexes == (2, 8)
    assert planned["closed versions"].indexes == (0, 1, 3)
    assert planned["closed versions"].closed == (ClosedVersion(model="credit", version=1),)


def test_a_pruned_ledger_still_verifies_and_its_projections_can_be_made_again(
    ledger: Ledger, log_key: VerifierKey, signed: Callable[[], str]
) -> None:
    """Leaves, proofs, states and places in streams hold without the bytes; the signer goes on."""
    life_of_two(ledger)
    held = signed()
    carry_out(ledger, plan(ledger))
    signed()
    result = verify_ledger(ledger, log_key, held)
    assert (result.findings, result.level) == ((), "L2")
    assert examine(ledger.url).differences == ()
    assert ledger.proof(9).index == 9


def test_readers_leave_out_what_was_pruned(ledger: Ledger, signed: Callable[[], str]) -> None:
    """A question is answered by what is left, however few it asks for; one for the bytes themselves says by which record they went."""
    life_of_two(ledger)
    signed()
    carry_out(ledger, plan(ledger))
    assert [recorded.index for recorded in ledger.events(types=("ModelTrained",))] == [6]
    assert [recorded.index for recorded in ledger.events(types=("ModelTrained",), limit=1)] == [6]
    with pytest.raises(UnknownName, match="as record 11 says"):
        ledger.stored(0)
    assert ledger.inclusion(0)


def test_nothing_follows_from_a_version_that_was_pruned(ledger: Ledger) -> None:
    """It is over even in an environment that the ledger did not know yet."""
    life_of_two(ledger)
    carry_out(ledger, plan(ledger))
    with pytest.raises(IllegalTransition, match="is retired"):
        ledger.append(revoked(1, environment="production"))
    ledger.append(revoked(2))


def test_a_version_that_lives_anywhere_keeps_its_past(ledger: Ledger) -> None:
    """Retired here and revoked there is not over."""
    life_of_two(ledger)
    ledger.append(dated(revoked(1, environment="production"), 800))
    assert "closed versions" not in plan(ledger)
    ledger.append(dated(retired(1, environment="production"), 399))
    assert "closed versions" not in plan(ledger)


def test_what_is_not_signed_stays(ledger: Ledger) -> None:
    """The signer hashes bytes that it has not seen; those must be there."""
    life_of_two(ledger)
    assert plan(ledger, signed=8)["MonitoringReported"].indexes == (2,)


@pytest.mark.parametrize("name", [None, "credit"])
def test_what_is_held_stays(ledger: Ledger, name: str | None) -> None:
    """Whatever its age."""
    life_of_two(ledger)
    hold = Hold("h", name, "Case 12/2026.", 0, 0, committed=False)
    assert plan(ledger, holds=(hold,)) == {}
    assert plan(ledger, holds=(Hold("h", "fraud", "Case 13/2026.", 0, 0, committed=False),))


def test_pruning_twice_finds_nothing_the_second_time(ledger: Ledger) -> None:
    """What is gone is not named again."""
    life_of_two(ledger)
    carry_out(ledger, plan(ledger))
    assert plan(ledger) == {}


def test_bytes_taken_away_beside_those_that_were_pruned_are_tampering(ledger: Ledger, ledger_file: Path, log_key: VerifierKey) -> None:
    """A pruning excuses what it names, and no other record."""
    life_of_two(ledger)
    carry_out(ledger, plan(ledger))
    with closing(sqlite3.connect(ledger_file)) as connection, connection:
        connection.execute("UPDATE events SET stored = NULL WHERE leaf_index = 7")
    findings = verify_ledger(ledger, log_key).findings
    assert [(found.index, "nothing says that they were pruned" in found.what) for found in findings if found.index == 7] == [(7, True)]
    with pytest.raises(Tampered, match=r"Record 7 .* nothing says that they were pruned"):
        ledger.events(version=2)


def test_an_observation_is_as_young_as_what_stands_before_it(ledger: Ledger) -> None:
    """Whatever time it claims: places are given by the ledger, and times by whoever writes."""
    life_of_two(ledger)
    ledger.append(dated(happening(1), 10))
    ledger.append(reported(2, 900))
    assert plan(ledger)["MonitoringReported"].indexes == (2, 8)


def test_what_tells_of_other_versions_and_the_end_of_its_own_stays(ledger: Ledger, signed: Callable[[], str]) -> None:
    """When a version ended can be read for good: that it was over is what its pruning rests on."""
    life_of_two(ledger)
    signed()
    carry_out(ledger, plan(ledger))
    assert [recorded.index for recorded in ledger.events(version=1)] == [5]


def test_a_version_that_is_not_over_is_not_closed(ledger: Ledger) -> None:
    """Who appends that its past was pruned is refused, as with every event that can't have happened."""
    life_of_two(ledger)
    for version, why in ((2, "is retired nowhere"), (1, None)):
        some = Pruning("closed versions", NOW, {}, (ClosedVersion(model="credit", version=version),))
        if why is None:
            ledger.append(told(some))
        else:
            with pytest.raises(IllegalTransition, match=why):
                ledger.append(told(some))


@given(st.sets(st.integers(min_value=0, max_value=200)))
def test_ranges_hold_exactly_their_indexes(indexes: set[int]) -> None:
    """In order, and none touches the next."""
    ranges = list(ranges_of(indexes))
    assert {index for some in ranges for index in range(some.start, some.end)} == indexes
    assert all(one.end < after.start for one, after in pairwise(ranges))


@pytest.mark.parametrize(
    "said",
    [
        {"schema_version": "lifecycle.retention/1", "observations": {"DecisionMade": 4_000}},
        {"schema_version": "lifecycle.retention/1", "observations": {"MonitoringReported": 30}},
        {"schema_version": "lifecycle.retention/1", "closed_versions": 1},
        {"schema_version": "lifecycle.retention/2"},
        {"schema_version": "lifecycle.retention/1", "keep": 1},
    ],
    ids=["a decision", "a month", "a day", "another form", "another field"],
)
def test_a_policy_that_lets_too_much_go_is_refused(said: JsonObject) -> None:
    """What may go is bounded in the code, and not shorter than six months."""
    with pytest.raises(InvalidDeclaration, match=r"retention\.yaml"):
        RetentionPolicy.read(said, "retention.yaml")
