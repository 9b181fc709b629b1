"""The inbox: what waits for people, whose turn it is, and how the rest stands."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from lifecycle.desk.pages.co_signing import Begun, begun_by_others
from lifecycle.life import overview
from lifecycle.life.gates import standing
from lifecycle.life.overview import Overview
from lifecycle.life.people.waiting import Waiting
from lifecycle.records.bodies.training import ModelTrained
from lifecycle.records.gates import Decision
from lifecycle.records.identity import now_us
from lifecycle.records.record import ActorId, Digest, Microseconds
from lifecycle.wiring import Departments


@dataclass(frozen=True)
class Need:
    """How many approvals of one role a version waits for."""

    role: str
    missing: int
    count: int


@dataclass(frozen=True)
class Item:
    """A version that waits, as one entry of the inbox."""

    model: str
    version: int
    digest: Digest
    purpose: str
    description: str
    risk_tier: str
    needs: tuple[Need, ...]
    approvers: tuple[str, ...]
    since_us: Microseconds
    expires_at_us: Microseconds
    #: How many rules were passed without a finding, of how many, and which only warned or were waived.
    passed: int
    evaluated: int
    warnings: tuple[str, ...]
    waived: tuple[str, ...]
    #: Whether a role of whoever looks is still missing. The gate says whether this person may speak.
    for_you: bool

    @property
    def answered(self) -> bool:
        return all(need.missing == 0 for need in self.needs)


@dataclass(frozen=True)
class Inbox:
    """What the first page shows."""

    overview: Overview
    items: tuple[Item, ...]
    #: What others have begun to sign and can't end alone.
    begun: tuple[Begun, ...]
    #: When this was read: what is told as an age is told from here.
    read_at_us: Microseconds

    @property
    def yours(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.for_you)

    @property
    def others(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if not item.for_you)


def inbox(departments: Departments, roles: Collection[str], person: ActorId = "") -> Inbox:
    """The inbox of somebody with these roles: what waits for them first, then by when it expires."""
    found = overview.overview(departments)
    items = [_item(departments, wait, roles) for wait in found.waiting]
    ordered = sorted(items, key=lambda item: (not item.for_you, item.expires_at_us, item.model, item.version))
    return Inbox(found, tuple(ordered), begun_by_others(departments, person, roles), now_us())


def _item(departments: Departments, wait: Waiting, roles: Collection[str]) -> Item:
    model, version = standing.parse_version(wait.name)
    declared = standing.body_of(standing.trained(departments, model, version), ModelTrained).declared
    made = standing.decisions(departments, model, version, "promotion")
    decision = next((decision for _, decision in made if decision.id == wait.decision_id), None)
    needs = tuple(Need(need.role, wait.missing(need), need.count) for need in wait.required)
    return Item(
        model=model,
        version=version,
        digest=wait.digest,
        purpose=declared.purpose,
        description=departments.model(model).description,
        risk_tier=declared.risk_tier,
        needs=needs,
        approvers=tuple(sorted({approval.approver for approval in wait.given})),
        since_us=wait.since_us,
        expires_at_us=wait.expires_at_us,
        passed=_passed(decision),
        evaluated=len(decision.result.evaluated) if decision else 0,
        warnings=tuple(dict.fromkeys(found.rule for found in decision.result.warnings)) if decision else (),
        waived=tuple(dict.fromkeys(found.rule for found in decision.result.waived)) if decision else (),
        for_you=any(need.missing and need.role in roles for need in needs),
    )


def _passed(decision: Decision | None) -> int:
    if decision is None:
        return 0
    result = decision.result
    return len(set(result.evaluated) - {found.rule for found in (*result.violations, *result.warnings, *result.waived)})
