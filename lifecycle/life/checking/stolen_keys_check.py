"""What keys signed while they were in other hands: the part of `lifecycle ledger verify` that reads `compromised_from`.

Nothing that such a key signed and that was recorded from there on ever counted. That it was recorded is no fault of the ledger, and
is told; that something is rolled out by it after everybody could know is a finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lifecycle.ledger.verifying.findings import Finding, named
from lifecycle.records.approval import Envelope
from lifecycle.records.bodies.decisions import ApprovalGiven, DecisionMade
from lifecycle.records.bodies.revocations import KeyRevoked, counts_as_revoked
from lifecycle.records.bodies.serving import RolloutRequested
from lifecycle.records.events import Event
from lifecycle.records.record import Digest, Id, Name


@dataclass(frozen=True)
class _Signed:
    """Something that somebody signed, where it stands, and by which digest decisions name it; None for what they don't."""

    index: int
    name: str
    environment: Name
    statement: Digest | None


class StolenKeysCheck:
    """A `verifying.checks.Check`. It keeps a line for everything that is signed, and for every decision that uses some of it up."""

    def __init__(self) -> None:
        self._signed: dict[str, list[_Signed]] = {}
        #: By statement: the decisions that used it up; by decision: the records that rolled something out by it.
        self._used: dict[Digest, list[tuple[str, Id]]] = {}
        self._rolled_out: dict[Id, list[tuple[int, str]]] = {}
        self._gone: list[tuple[int, str, Name, KeyRevoked]] = []

    def look_at(self, index: int, event: Event) -> Iterator[Finding]:
        """Takes in what was signed and what rests on it; says nothing before the end."""
        body, name = event.body, named(index, event.type, event.id)
        envelope: Envelope | None = getattr(body, "envelope", None)
        if envelope is not None:
            statement = body.statement.content_digest() if isinstance(body, ApprovalGiven) else None
            self._signed.setdefault(envelope.key_id, []).append(_Signed(index, name, event.environment, statement))
        if isinstance(body, DecisionMade):
            for digest in body.consumed:
                self._used.setdefault(digest, []).append((name, body.decision.id))
        elif isinstance(body, RolloutRequested):
            self._rolled_out.setdefault(body.decision_id, []).append((index, name))
        elif isinstance(body, KeyRevoked) and body.compromised_from is not None:
            self._gone.append((index, name, event.environment, body))
        yield from ()

    def end(self) -> Iterator[Finding]:
        """Each statement that never counted, with the decisions that counted it, and what was rolled out by these all the same."""
        for at, by, said_in, body in self._gone:
            since = at if body.compromised_from is None else body.compromised_from
            for one in self._signed.get(body.key_id, ()):
                if since <= one.index < at and counts_as_revoked(said_in, one.environment):
                    yield from self._void(one, at, f"the key {body.key_id} was in other hands from record {since} on, says {by}")

    def _void(self, one: _Signed, at: int, why: str) -> Iterator[Finding]:
        yield Finding(one.index, f"{one.name} never counted: {why}", None)
        for decided, decision_id in () if one.statement is None else self._used.get(one.statement, ()):
            yield Finding(one.index, f"{decided} counted {one.name}, which never counted: what it let pass must be out", None)
            for index, name in self._rolled_out.get(decision_id, ()):
                if index > at:
                    yield Finding(index, f"{name} rolls out what {decided} allowed on an approval that never counted: {why}")
