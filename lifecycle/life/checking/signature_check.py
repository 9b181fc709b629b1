"""Everything that people signed held against their keys: the part of `lifecycle ledger verify` that knows who people are.

A ledger takes whatever it is given. So an approval in it is worth what its signature is: by a key that the ledger itself says is
the signer's, at that place. What governs is signed by those who govern, and so only by the registry that is in force there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lifecycle.ledger.verifying.findings import Finding, named
from lifecycle.life.gates.governed import OTHERS, UNGOVERNED
from lifecycle.life.people.governing import ROLE
from lifecycle.life.people.known_keys import KnownKeys, key_in, signature_fault
from lifecycle.records.approval import AccessStatement, Envelope, GovernanceStatement, RevocationStatement
from lifecycle.records.bodies.access import AccessGranted, AccessRevoked
from lifecycle.records.bodies.decisions import ApprovalGiven, ApprovalRefused, DecisionMade, WaiverSigned
from lifecycle.records.bodies.governors import GovernanceChanged, GovernanceProposed, GovernanceSigned
from lifecycle.records.bodies.reviews import ReviewGiven
from lifecycle.records.bodies.revocations import Revocation
from lifecycle.records.bodies.serving import RolloutEnd
from lifecycle.records.events import Event
from lifecycle.records.record import ActorId, Digest, Name

if TYPE_CHECKING:
    from lifecycle.approvals.people import Registry


@dataclass(frozen=True)
class _Unproven:
    """A statement whose key nobody is known to have, until a later decision names a registry that has it."""

    index: int
    name: str
    envelope: Envelope
    signer: ActorId


class SignatureCheck:
    """A `verifying.checks.Check`: approvals, refusals, waivers, reviews, ends of rollouts and what governs are signed by whom they say.

    `keys` is fed by whoever makes this, one event behind: a record never vouches for itself. `people_here` gives the registry of
    this home: what was edited by hand there is named by no record before the next decision.
    """

    def __init__(self, keys: KnownKeys, people_here: Callable[[], Registry | None]) -> None:
        self._keys = keys
        self._people_here = people_here
        self._unproven: dict[Digest, _Unproven] = {}
        self._proposed: dict[str, GovernanceStatement] = {}
        self._agreed: dict[str, dict[ActorId, GovernanceStatement]] = {}

    def look_at(self, index: int, event: Event) -> Iterator[Finding]:
        """What is wrong with what was signed, or with whom this says has agreed."""
        name, body = named(index, event.type, event.id), event.body
        if isinstance(body, ApprovalGiven | ApprovalRefused):
            yield from self._signed(index, name, body.envelope, body.statement.approver, body.statement.content_digest())
        elif isinstance(body, WaiverSigned | ReviewGiven):
            yield from self._signed(index, name, body.envelope, body.statement.signer, body.statement.content_digest())
        elif isinstance(body, AccessGranted | AccessRevoked | Revocation):
            yield from self._signed_where_people_govern(index, name, body, event.environment)
        elif isinstance(body, RolloutEnd) and body.envelope is not None and body.statement is not None:
            yield from self._signed(index, name, body.envelope, body.statement.signer, body.statement.content_digest())
        elif isinstance(body, DecisionMade):
            yield from self._shown(body)
        elif isinstance(body, GovernanceProposed | GovernanceSigned):
            yield from (Finding(index, f"{name} {wrong}") for wrong in self._governing(body))
        elif isinstance(body, GovernanceChanged):
            yield from (Finding(index, f"{name} {wrong}") for wrong in self._changed(body))

    def end(self) -> Iterator[Finding]:
        """Statements by keys that nobody ever had."""
        for one in self._unproven.values():
            key = key_in(self._people_here(), one.signer, one.envelope.key_id)
            wrong = "" if key is None else signature_fault(one.envelope, key, one.signer)
            if wrong is not None:
                unknown = wrong == "" and self._keys.out_of_reach
                yield Finding(one.index, f"{one.name} {_not_by(one.signer, one.envelope, wrong)}", None if unknown else "L0")

    def _signed_where_people_govern(
        self, index: int, name: str, body: AccessGranted | AccessRevoked | Revocation, environment: Name
    ) -> Iterator[Finding]:
        if body.envelope is None:
            if environment != UNGOVERNED:
                yield Finding(index, f"{name} is signed by nobody, and in {environment} people govern")
            return
        said = body.envelope.holding(AccessStatement) if isinstance(body, AccessGranted) else body.envelope.holding(RevocationStatement)
        yield from self._signed(index, name, body.envelope, said.signer, said.content_digest())

    def _signed(self, index: int, name: str, envelope: Envelope, signer: ActorId, statement: Digest) -> Iterator[Finding]:
        wrong = self._keys.wrong_with(envelope, signer)
        if wrong == "":
            self._unproven.setdefault(statement, _Unproven(index, name, envelope, signer))
        elif wrong is not None:
            yield Finding(index, f"{name} {_not_by(signer, envelope, wrong)}")

    def _shown(self, body: DecisionMade) -> Iterator[Finding]:
        """A registry that was edited by hand is first named by a decision that goes by it."""
        registry = self._keys.registry(body.decision.policy.people_digest)
        for approval in body.decision.input.approvals:
            one = self._unproven.get(approval.statement_digest)
            key = None if one is None else key_in(registry, one.signer, one.envelope.key_id)
            if one is None or key is None:
                continue
            del self._unproven[approval.statement_digest]
            wrong = signature_fault(one.envelope, key, one.signer)
            if wrong is not None:
                yield Finding(one.index, f"{one.name} {_not_by(one.signer, one.envelope, wrong)}")

    def _governing(self, body: GovernanceProposed | GovernanceSigned) -> Iterator[str]:
        """By the people in force there, and for the first of all by those who are proposed."""
        said, envelope = body.statement, body.envelope
        if isinstance(body, GovernanceProposed):
            self._proposed[said.proposal_id] = said
        else:
            self._agreed.setdefault(said.proposal_id, {})[said.signer] = said
        digest = said.people_digest if said.previous_people_digest is None else said.previous_people_digest
        registry = self._keys.registry(digest)
        if registry is None:
            why = self._keys.why_not(digest)
            if why:
                yield f"can't be held against the people in force: {why}"
            return
        key = key_in(registry, said.signer, envelope.key_id)
        wrong = "" if key is None else signature_fault(envelope, key, said.signer)
        if wrong is not None:
            yield _not_by(said.signer, envelope, wrong)
        elif ROLE not in registry.person(said.signer).roles:
            yield f"is signed by {said.signer}, who does not hold the role {ROLE} among the people in force"

    def _changed(self, body: GovernanceChanged) -> Iterator[str]:
        """Whether those whom it names said so, of exactly this."""
        asked, agreed = self._proposed.get(body.proposal_id), self._agreed.get(body.proposal_id, {})
        if asked is None or (asked.signer, _about(asked)) != (body.proposed_by, (body.bundle_digest, body.people_digest)):
            yield f"says that {body.proposed_by} proposed this, and no record before it holds that"
        others = set(body.agreed_by) - {body.proposed_by}
        if len(others) < OTHERS:
            yield f"says that {len(others)} others agreed, and it takes {OTHERS}"
        for person in sorted(others):
            said = agreed.get(person)
            if said is None or _about(said) != (body.bundle_digest, body.people_digest):
                yield f"says that {person} agreed, and no record before it holds that"


def _about(statement: GovernanceStatement) -> tuple[Digest, Digest]:
    return statement.bundle_digest, statement.people_digest


def _not_by(signer: ActorId, envelope: Envelope, wrong: str) -> str:
    if wrong:
        return f"does not hold what {signer} signed with the key {envelope.key_id}: {wrong}"
    return f"is signed with the key {envelope.key_id}, which nobody ever enrolled for {signer}"
