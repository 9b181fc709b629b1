"""What waits for whom, and what has been answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lifecycle.declaration import GovernedModel
from lifecycle.life.gates import judging, standing
from lifecycle.life.recording import links, record_once
from lifecycle.records.bodies.decisions import ApprovalRequested, DecisionMade, VersionExpired
from lifecycle.records.events import Actor, Event
from lifecycle.records.gates import RequiredApproval, VerifiedApproval
from lifecycle.records.identity import derived_id, now_us
from lifecycle.records.record import HOUR_US, Digest, Microseconds
from lifecycle.records.states import State
from lifecycle.wiring import Departments


@dataclass(frozen=True)
class Waiting:
    """A version that waits for people: for how many of which role, and who has answered so far."""

    name: str
    version: int
    digest: Digest
    decision_id: str
    required: tuple[RequiredApproval, ...]
    given: tuple[VerifiedApproval, ...]
    since_us: Microseconds
    expires_at_us: Microseconds

    @property
    def key(self) -> str:
        """Names this answer: the newest approval, so that a new one after a failed deployment is a new answer."""
        return f"{self.decision_id}-{max((approval.approved_at_us, approval.event_id) for approval in self.given)[1]}"

    def missing(self, need: RequiredApproval) -> int:
        """How many approvals of one role are still to come."""
        return max(0, need.count - len({approval.approver for approval in self.given if need.role in approval.roles}))

    @property
    def answered(self) -> bool:
        return all(self.missing(need) == 0 for need in self.required)

    @property
    def says(self) -> str:
        """`credit:2 waits for 1 of 2 approvals: risk`."""
        needs = ", ".join(f"{self.missing(need)} of {need.count} approvals: {need.role}" for need in self.required)
        return f"{self.name} waits for {needs}"


def waiting_for(departments: Departments, model: GovernedModel, states: Mapping[tuple[str, int], State] | None = None) -> list[Waiting]:
    """Every version of a model that waits for people here, oldest first. An expired request waits for nobody.

    `states` are those of `standing.states`, for a caller that has them already.
    """
    found = []
    for (name, version), state in (standing.states(departments) if states is None else states).items():
        if name != model.name or state != "waiting":
            continue
        requests = departments.ledger.events(
            types=("ApprovalRequested",), name=name, version=version, environment=departments.environment, newest_first=True, limit=1
        )
        if not requests:
            continue
        event, body = requests[0].event, standing.body_of(requests[0], ApprovalRequested)
        if body.expires_at_us <= now_us():
            continue
        approvals = judging.approvals_for(departments, name, version)
        given = tuple(a for a in approvals if a.decision == "approve" and not a.consumed and a.environment == departments.environment)
        found.append(
            Waiting(
                f"{name}:{version}",
                version,
                body.model_digest,
                body.decision_id,
                body.required,
                given,
                event.occurred_at_us,
                body.expires_at_us,
            )
        )
    return found


@dataclass(frozen=True)
class Ready:
    """A version that nothing keeps from being deployed, under a key that a second look gives again."""

    name: str
    version: int
    digest: Digest
    key: str


def ready_versions(departments: Departments, model: GovernedModel) -> list[Ready]:
    """What may be tried to deploy: whose people have all answered, and what the promotion gate allowed without people.

    The deployment gate still has the last word.
    """
    ready = [
        Ready(wait.name, wait.version, wait.digest, wait.key) for wait in waiting_for(departments, model) if wait.answered and wait.given
    ]
    for (name, version), state in standing.states(departments).items():
        if name != model.name or state != "allowed":
            continue
        last = ("DecisionMade", "RolloutRequested")
        found = departments.ledger.events(
            types=last, name=name, version=version, environment=departments.environment, newest_first=True, limit=1
        )
        body = found[0].event.body if found else None
        if isinstance(body, DecisionMade) and body.decision.gate == "promotion" and body.decision.allowed:
            digest = standing.trained(departments, name, version).event.subject.digest
            ready.append(Ready(f"{name}:{version}", version, digest or "", body.decision.id))
    return ready


def expire_overdue(departments: Departments, model: GovernedModel) -> list[str]:
    """Records VersionExpired for what was allowed or asked about and not deployed or answered in time; returns the names."""
    return [
        f"{name}:{version}"
        for (name, version), state in standing.states(departments).items()
        if name == model.name and state in ("waiting", "allowed") and _expire_if_overdue(departments, model, version)
    ]


def _expire_if_overdue(departments: Departments, model: GovernedModel, version: int) -> bool:
    decided = standing.decisions(departments, model.name, version, "promotion")
    if not decided:
        return False
    event, decision = decided[-1]
    if event.occurred_at_us + int(model.approval_valid_hours * HOUR_US) > now_us():
        return False
    expired = Event.happened(
        VersionExpired(decision_id=decision.id),
        subject=event.subject,
        actor=Actor(id="lifecycle", kind="service"),
        environment=departments.environment,
        inputs=links(model=event.subject.digest),
        event_id=derived_id("expired", event.id),
    )
    record_once(departments, expired)
    return True
