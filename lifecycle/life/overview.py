"""What serves, what waits for whom, what failed: the page that an operator opens first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lifecycle.errors import Unavailable
from lifecycle.ledger.address import Address
from lifecycle.ledger.verifying.findings import Exposure
from lifecycle.life.anchoring import exposure
from lifecycle.life.gates import standing
from lifecycle.life.outstanding import outstanding
from lifecycle.life.people.reviewing import OpenReview, open_reviews
from lifecycle.life.people.waiting import Waiting, waiting_for
from lifecycle.records.bodies.data import DatasetRejected
from lifecycle.records.bodies.decisions import DecisionMade
from lifecycle.records.bodies.serving import RolledBack, RolloutAborted
from lifecycle.records.bodies.training import TrainingFailed
from lifecycle.records.events import Recorded
from lifecycle.records.record import Digest, Microseconds
from lifecycle.records.states import State
from lifecycle.serving.rollouts.status import GatewayStatus
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.serving.allowed.withdrawals import Withdrawal

#: How many failures are shown, newest first; the ledger holds them all.
FAILURES_SHOWN = 8


@dataclass(frozen=True)
class VersionStanding:
    model: str
    version: int
    digest: Digest
    state: State


@dataclass(frozen=True)
class Failure:
    what: str
    why: str
    kind: str
    at_us: Microseconds


@dataclass(frozen=True)
class Overview:
    environment: str
    versions: tuple[VersionStanding, ...]
    waiting: tuple[Waiting, ...]
    failures: tuple[Failure, ...]
    #: What was done first, and nobody has looked at yet.
    reviews: tuple[OpenReview, ...]
    #: What may serve no more, and has not been taken out yet.
    outstanding: tuple[Withdrawal, ...]
    #: As it runs, or as it would go on. The controller of a cluster runs as well, and has no URL.
    gateway: GatewayStatus
    #: Without a password.
    ledger_url: str
    ledger_size: int
    ledger_root: str
    #: What no anchor has seen of the ledger; None where none has ever seen any of it.
    exposure: Exposure | None

    @property
    def serving(self) -> tuple[VersionStanding, ...]:
        return tuple(version for version in self.versions if version.state == "serving")


def overview(departments: Departments) -> Overview:
    """The overview, from the ledger; the gateway is only asked where it listens."""
    ledger, states = departments.ledger, standing.states(departments)
    digests = {
        (recorded.event.subject.name, recorded.event.subject.version): recorded.event.subject.digest
        for recorded in ledger.events(types=("ModelTrained",))
    }
    versions = tuple(
        VersionStanding(name, version, digests.get((name, version)) or "", state) for (name, version), state in sorted(states.items())
    )
    head, gateway = ledger.head(), gateway_status(departments)
    return Overview(
        environment=departments.environment,
        versions=versions,
        waiting=tuple(wait for model in departments.models for wait in waiting_for(departments, model, states)),
        failures=_failures(departments),
        reviews=open_reviews(departments),
        outstanding=outstanding(departments, states, gateway),
        gateway=gateway,
        ledger_url=Address.parse(departments.settings.ledger_url).shown,
        ledger_size=head.size,
        ledger_root=head.root_text,
        exposure=exposure(departments),
    )


def gateway_status(departments: Departments) -> GatewayStatus:
    """What the gateway says; where it does not answer, what it would go on with."""
    from lifecycle.serving.folder import GatewayFolder
    from lifecycle.serving.supervision.reporting import stopped_status

    try:
        return departments.gateway.status()
    except Unavailable:
        return stopped_status(GatewayFolder(departments.folder("gateway", 0o700)), departments.environment)


def _failures(departments: Departments) -> tuple[Failure, ...]:
    types = ("DatasetRejected", "TrainingFailed", "DecisionMade", "RolloutAborted", "RolledBack")
    found = departments.ledger.events(types=types, newest_first=True, limit=FAILURES_SHOWN * 10)
    told = [failure for recorded in found if (failure := _failure(recorded, departments.environment)) is not None]
    return tuple(told[:FAILURES_SHOWN])


def _failure(recorded: Recorded, environment: str) -> Failure | None:
    event, body = recorded.event, recorded.event.body
    if event.environment != environment:
        return None
    name = str(event.subject)
    if isinstance(body, DatasetRejected):
        return Failure(name, body.reason, "dataset rejected", event.occurred_at_us)
    if isinstance(body, TrainingFailed):
        return Failure(name, body.reason, "training failed", event.occurred_at_us)
    if isinstance(body, DecisionMade) and body.decision.result.outcome == "deny":
        rules = ", ".join(dict.fromkeys(violation.rule for violation in body.decision.result.violations))
        return Failure(name, f"{body.decision.gate}: {rules or 'no reason given'}", "denied", event.occurred_at_us)
    if isinstance(body, RolloutAborted) and body.cause != "guardrail":
        return Failure(name, body.reason, "rollout aborted", event.occurred_at_us)
    if isinstance(body, RolledBack):
        return Failure(f"{event.subject.name}:{body.from_version}", body.trigger.says, "rolled back", event.occurred_at_us)
    return None
