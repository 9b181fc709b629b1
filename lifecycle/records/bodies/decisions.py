"""What gates and people decide."""

from __future__ import annotations

from lifecycle.records.approval import Envelope, Statement
from lifecycle.records.bodies.body import Body
from lifecycle.records.gates import Decision, RequiredApproval
from lifecycle.records.record import ActorId, Digest, Microseconds


class DecisionMade(Body):
    """A gate was asked. `consumed` names the approvals that this decision used up, and nobody can use again."""

    decision: Decision
    consumed: tuple[str, ...]


class ApprovalRequested(Body):
    decision_id: str
    required: tuple[RequiredApproval, ...]
    model_digest: Digest
    dataset_digest: Digest
    report_digest: Digest
    evidence_digest: Digest
    bundle_digest: Digest
    expires_at_us: Microseconds


class ApprovalGiven(Body):
    statement: Statement
    envelope: Envelope


class ApprovalRefused(Body):
    """A person said no, and signed it."""

    statement: Statement
    envelope: Envelope


class ApprovalBarred(Body):
    """Somebody tried to approve who may not. The attempt is kept; the approval does not exist."""

    approver: ActorId
    rules: tuple[str, ...]
    reason: str
    statement_digest: Digest


class VersionRevoked(Body):
    reason: str


class VersionExpired(Body):
    """What was allowed was not deployed in time."""

    decision_id: str


class VersionRetired(Body):
    reason: str
