"""What is taken back: a key, an approval, a version. Whoever takes it back signs that, wherever people govern."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, model_validator

from lifecycle.errors import MalformedRecord
from lifecycle.records.approval import Envelope, Revocable, RevocationStatement
from lifecycle.records.bodies.body import Body
from lifecycle.records.bodies.governors import UNGOVERNED
from lifecycle.records.record import ActorId, Count, Digest, Name, is_none


def counts_as_revoked(said_in: Name, environment: Name) -> bool:
    """Whether a key is revoked in an environment by what was said in another: everywhere, but by nobody's word in `local` only there.

    In `local` a revocation needs no signature, and people of a home may sign one: it must not take a key from those who govern elsewhere
    on the same ledger.
    """
    return said_in == environment or said_in != UNGOVERNED


class Revocation(Body):
    """The root of these three. What was signed and what the body says are one: nothing beside the envelope can say something else."""

    revokes: ClassVar[Revocable]
    reason: str
    #: None where nobody signed it: in the environment `local`, and in records of before revocations were signed.
    envelope: Envelope | None = Field(default=None, exclude_if=is_none)

    @property
    def statement(self) -> RevocationStatement | None:
        """What was signed, if somebody did."""
        return None if self.envelope is None else self.envelope.holding(RevocationStatement)

    @property
    def said(self) -> dict[str, object]:
        """What of the body stands in the statement as well, by its name there."""
        return {"reason": self.reason}

    @model_validator(mode="after")
    def _says_what_was_signed(self) -> Self:
        statement = self.statement
        if statement is None:
            return self
        for field, value in (("revokes", self.revokes), *self.said.items()):
            if getattr(statement, field) != value:
                raise MalformedRecord(
                    f"{type(self).__name__} says another {field} than was signed.", "Record what was signed, as what it was signed."
                )
        return self


class VersionRevoked(Revocation):
    """A version must not serve again here, whatever allowed it."""

    revokes = "version"


class ApprovalRevoked(Revocation):
    """What somebody approved, or agreed to waive, counts no more: nor does what was deployed with it."""

    revokes = "approval"
    approver: ActorId
    #: Of the statement that was signed.
    statement_digest: Digest

    @property
    def said(self) -> dict[str, object]:
        return {"reason": self.reason, "target": self.statement_digest}


class KeyRevoked(Revocation):
    """A key counts no more. What it signed and nothing has used yet is void; what was deployed with it stands.

    Unless the key was in somebody else's hands: then nothing that it signed and that was recorded from `compromised_from` on ever
    counted. That is a place in the ledger and no time: whoever stole a key can date a statement as they like.
    """

    revokes = "key"
    person: ActorId
    key_id: str
    compromised_from: Count | None = Field(default=None, exclude_if=is_none)

    @property
    def said(self) -> dict[str, object]:
        return {"reason": self.reason, "target": self.key_id, "compromised_from": self.compromised_from}
