"""What waits for whom, and what has been answered."""

from __future__ import annotations

from dataclasses import dataclass

from lifecycle.declaration import GovernedModel
from lifecycle.life import judging, standing
from lifecycle.life.recording import links, record_once
from lifecycle.records.bodies.decisions import ApprovalRequested, VersionExpired
from lifecycle.records.events import Actor, Event, Recorded
from lifecycle.records.gates import RequiredApproval, VerifiedApproval
from lifecycle.records.identity import derived_id, now_us
from lifecycle.records.record import Digest, Microseconds
from lifecycle.wiring import Departments


@dataclass(frozen=True)
class Waiting:
    """A version that waits for people: for how many of which role, and who has answered so far."""

    name: str
    digest: Digest
    decision_id: str
    required: tuple[RequiredApproval, ...]
    given: tuple[VerifiedApproval, ...]
    since_us: Microseconds
    expires_at_us: Microseconds

    @property
    def answers(self) -> int:
        return len(self.given)

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


def waiting_for(departments: Departments, model: GovernedModel) -> list[Waiting]:
    """Every version of a model that waits for people here, oldest first. An expired request waits for nobody."""
    found = []
    for (name, version), state in standing.states(departments).items():
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
                f"{name}:{version}", body.model_digest, body.decision_id, body.required, given, event.occurred_at_us, body.expires_at_us
            )
        )
    return found


def approved_versions(departments: Departments, model: GovernedModel) -> list[Waiting]:
    """Those whose people have all answered: the deployment may be tried. The gate still has the last word."""
    return [waiting for waiting in waiting_for(departments, model) if waiting.answered]


def expire_overdue(departments: Departments, model: GovernedModel) -> list[str]:
    """Records VersionExpired for every version that people were asked about and did not answer in time; returns their names."""
    expired = []
    for (name, version), state in standing.states(departments).items():
        if name != model.name or state != "waiting":
            continue
        requests = departments.ledger.events(
            types=("ApprovalRequested",), name=name, version=version, environment=departments.environment, newest_first=True, limit=1
        )
        if requests and standing.body_of(requests[0], ApprovalRequested).expires_at_us <= now_us():
            _expire(departments, requests[0])
            expired.append(f"{name}:{version}")
    return expired


def _expire(departments: Departments, requested: Recorded) -> None:
    body, subject = standing.body_of(requested, ApprovalRequested), requested.event.subject
    event_id = derived_id("expired", requested.event.id)
    event = Event.happened(
        VersionExpired(decision_id=body.decision_id),
        subject=subject,
        actor=Actor(id="lifecycle", kind="service"),
        environment=departments.environment,
        inputs=links(model=subject.digest),
        event_id=event_id,
    )
    record_once(departments, event_id, lambda: event)
