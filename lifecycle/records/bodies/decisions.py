"""What gates and people decide."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from lifecycle.errors import MalformedRecord
from lifecycle.records.approval import Envelope, Statement, WaiverStatement
from lifecycle.records.bodies.body import Body
from lifecycle.records.gates import Decision, RequiredApproval
from lifecycle.records.record import ActorId, Digest, Microseconds


class DecisionMade(Body):
    """A gate was asked."""

    decision: Decision
    #: The digests of the statements that this decision used up. An approval is known by what was signed, which nobody can
    #: make anew without the approver's key, and never by the id of the event that holds it.
    consumed: tuple[Digest, ...]


class ApprovalRequested(Body):
    decision_id: str
    required: tuple[RequiredApproval, ...]
    model_digest: Digest
    dataset_digest: Digest
    report_digest: Digest
    evidence_digest: Digest
    bundle_digest: Digest
    expires_at_us: Microseconds


class _Signed(Body):
    """What a person signed. The envelope alone carries it, so that nothing beside it can say something else."""

    says: ClassVar[Literal["approve", "reject"]]
    envelope: Envelope

    @property
    def statement(self) -> Statement:
        return self.envelope.holding(Statement)

    @model_validator(mode="after")
    def _says_what_was_signed(self) -> Self:
        signed = self.statement.decision
        if signed != self.says:
            raise MalformedRecord(
                f"{type(self).__name__} holds a statement to {signed}.", "Record what was signed: ApprovalGiven or ApprovalRefused."
            )
        return self


class ApprovalGiven(_Signed):
    """A person said yes, and signed it."""

    says = "approve"


class ApprovalRefused(_Signed):
    """A person said no, and signed it."""

    says = "reject"


class ApprovalBarred(Body):
    """Somebody tried to approve who may not. The attempt is kept; the approval does not exist."""

    approver: ActorId
    rules: tuple[str, ...]
    reason: str
    statement_digest: Digest


class WaiverSigned(Body):
    """A person agrees that exactly these bytes pass in spite of one rule. The waiver counts once the gate has allowed it."""

    envelope: Envelope

    @property
    def statement(self) -> WaiverStatement:
        return self.envelope.holding(WaiverStatement)

    @model_validator(mode="after")
    def _holds_a_waiver(self) -> Self:
        _ = self.statement
        return self


class VersionExpired(Body):
    """What was allowed was not deployed in time."""

    decision_id: str


class VersionRetired(Body):
    reason: str
