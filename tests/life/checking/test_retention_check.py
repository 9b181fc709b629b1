"""Prunings are held against the policy that they name, as the artifact store has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.ledger.verifying.findings import Finding
from lifecycle.life.checking.retention_check import RetentionCheck
from lifecycle.records.bodies.keeping import BodiesPruned
from lifecycle.records.events import Event, Subject
from lifecycle.records.record import DAY_US, Digest, digest_of
from lifecycle.records.retention import RetentionPolicy
from lifecycle.wiring import Departments
from tests.ledger.happenings import SERVICE
from tests.scenarios.homes import departments_at

NOW = 20_000 * DAY_US
POLICY = RetentionPolicy(schema_version="lifecycle.retention/1", observations={"MonitoringReported": 200}, closed_versions=400)


@pytest.fixture
def home(tmp_path: Path) -> Departments:
    return departments_at(tmp_path / "home")


def pruned(rule: str, days: int, policy: Digest) -> Event:
    body = BodiesPruned(
        rule=rule,
        ranges=(),
        count=0,
        columns_digest=digest_of(b""),
        before_us=NOW - days * DAY_US,
        policy_digest=policy,
        closed_versions=(),
    )
    return Event.happened(body, subject=Subject(kind="ledger", name="ledger"), actor=SERVICE, environment="local", at_us=NOW)


def found(departments: Departments | None, event: Event, *, elsewhere: bool = False) -> list[Finding]:
    check = RetentionCheck(departments, elsewhere=elsewhere)
    return [*check.look_at(7, event), *check.end()]


@pytest.mark.parametrize(
    ("rule", "days", "told"),
    [
        ("MonitoringReported", 200, ""),
        ("MonitoringReported", 199, "let records go that its retention policy keeps for 200 days"),
        ("closed versions", 400, ""),
        ("closed versions", 399, "keeps for 400 days"),
        ("DatasetRejected", 4_000, "went by the rule 'DatasetRejected', which its retention policy does not have"),
    ],
)
def test_a_pruning_goes_by_a_rule_of_its_policy(home: Departments, rule: str, days: int, told: str) -> None:
    """The rule is there, and its days were over."""
    policy = home.artifacts.put(POLICY.canonical())
    assert [told in finding.what and finding.breaks == "L0" for finding in found(home, pruned(rule, days, policy))] == [True] * bool(told)


@pytest.mark.parametrize("stored", [None, b"no policy", b"\xff"])
def test_a_policy_that_nobody_has_is_no_policy(home: Departments, stored: bytes | None) -> None:
    """A digest of nothing lets nothing go."""
    digest = digest_of(b"nothing") if stored is None else home.artifacts.put(stored)
    (finding,) = found(home, pruned("MonitoringReported", 300, digest))
    assert (finding.index, finding.breaks) == (7, "L0")
    assert "went by a retention policy that can't be had" in finding.what


def test_elsewhere_a_policy_that_is_not_here_is_told(home: Departments) -> None:
    """An auditor has the ledger, and not its home."""
    event = pruned("MonitoringReported", 300, POLICY.digest)
    assert [finding.breaks for finding in (*found(None, event, elsewhere=True), *found(home, event, elsewhere=True))] == [None, None]
