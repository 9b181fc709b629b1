"""What a decision was shown of people's words, held against the statements that stand in the ledger before it.

The question of a gate repeats what was signed, because a policy can't open envelopes; so each repetition is held against its
original, and who spoke against the registry that the decision names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lifecycle.life.people.known_keys import KnownKeys, key_in, signature_fault
from lifecycle.records.approval import Envelope, Statement, WaiverStatement
from lifecycle.records.bodies.decisions import ApprovalGiven, ApprovalRefused, WaiverSigned
from lifecycle.records.bodies.revocations import ApprovalRevoked
from lifecycle.records.events import Event
from lifecycle.records.gates import Decision, VerifiedApproval, Waiver, WaiverEvidence
from lifecycle.records.record import Digest, Microseconds, Name

#: What an approval of a decision repeats of its statement: (field of the approval, field of the statement).
REPEATED = (
    ("approver", "approver"),
    ("decision", "decision"),
    ("subject_digest", "model_digest"),
    ("dataset_digest", "dataset_digest"),
    ("report_digest", "report_digest"),
    ("evidence_digest", "evidence_digest"),
    ("bundle_digest", "bundle_digest"),
    ("environment", "environment"),
    ("approved_at_us", "signed_at_us"),
    ("expires_at_us", "expires_at_us"),
)


@dataclass(frozen=True)
class _Said:
    """A statement, and the record that holds it."""

    index: int
    event_id: str
    envelope: Envelope
    statement: Statement


@dataclass(frozen=True)
class _Waived:
    """What somebody signed under a waiver, and the event that holds it."""

    event_id: str
    envelope: Envelope
    statement: WaiverStatement


class QuotedStatements:
    """The statements of a ledger, fed in order, and what decisions made of them."""

    def __init__(self, keys: KnownKeys) -> None:
        """`keys` is fed by whoever makes this, one event behind."""
        self._keys = keys
        self._said: dict[Digest, _Said] = {}
        #: The statements that were revoked so far, and by which record.
        self._taken_back: dict[Digest, int] = {}
        self._waived: dict[Digest, _Waived] = {}

    def take(self, index: int, event: Event) -> None:
        """Takes a statement in."""
        body = event.body
        if isinstance(body, ApprovalGiven | ApprovalRefused):
            statement = body.statement
            self._said.setdefault(statement.content_digest(), _Said(index, event.id, body.envelope, statement))
        elif isinstance(body, WaiverSigned):
            self._waived[body.statement.content_digest()] = _Waived(event.id, body.envelope, body.statement)
        elif isinstance(body, ApprovalRevoked):
            self._taken_back.setdefault(body.statement_digest, index)

    def missing(self, decision: Decision) -> Iterator[str]:
        """What a decision was shown and nobody said before it, as the end of a sentence that begins with its name."""
        asked = decision.input
        for approval in asked.approvals:
            if approval.statement_digest not in self._said:
                yield f"was shown an approval by {approval.approver} that no record before it holds"
        for waiver in asked.waivers:
            signed = {said.statement.signer for said in self._under(waiver, asked.target.environment).values()}
            for person in sorted(set(waiver.granted_by) - signed):
                yield f"was shown a waiver of {waiver.rule} by {person} that no record before it holds"
        if isinstance(asked.evidence, WaiverEvidence):
            for signature in asked.evidence.signatures:
                if signature.statement_digest not in self._waived:
                    yield f"was shown a waiver signed by {signature.signer} that no record before it holds"

    def wrong(self, event: Event, decision: Decision) -> Iterator[str]:
        """What a decision was shown as something else than was said, likewise."""
        for approval in decision.input.approvals:
            said = self._said.get(approval.statement_digest)
            if said is not None:
                yield from _misquoted(event, approval, said)
                yield from self._misattributed(decision, approval, said)
            if decision.gate == "deployment" and approval.statement_digest in self._taken_back:
                by = self._taken_back[approval.statement_digest]
                yield f"was shown an approval by {approval.approver}, which record {by} had revoked before"
        if isinstance(decision.input.evidence, WaiverEvidence):
            for signature in decision.input.evidence.signatures:
                found = self._waived.get(signature.statement_digest)
                if found is not None and (found.event_id, found.statement.signer) != (signature.event_id, signature.signer):
                    yield f"was shown a waiver as signed by {signature.signer}, but it is signed by {found.statement.signer}"
        if decision.gate == "deployment":
            yield from self._void_waivers(decision)

    def _void_waivers(self, decision: Decision) -> Iterator[str]:
        """Waivers of which somebody's word had been taken back, or their key, and who signed no other."""
        registry = self._keys.registry(decision.policy.people_digest)
        for waiver in decision.input.waivers:
            under = self._under(waiver, decision.input.target.environment)
            for person in sorted(waiver.granted_by):
                signed = {digest: said.envelope.key_id for digest, said in under.items() if said.statement.signer == person}
                keys = {key_id: key_in(registry, person, key_id) for key_id in signed.values()}
                gone = {key_id for key_id, key in keys.items() if self._revoked(decision, key_id, "" if key is None else key.public)}
                if signed and all(digest in self._taken_back or key_id in gone for digest, key_id in signed.items()):
                    yield f"was shown a waiver of {waiver.rule} by {person}, which had been revoked before, or its key"

    def _under(self, waiver: Waiver, environment: Name) -> dict[Digest, _Waived]:
        """What stands signed of a waiver that a gate was shown."""
        about = (waiver.rule, waiver.subject_digest, waiver.expires_at_us, waiver.ticket, environment)
        return {digest: said for digest, said in self._waived.items() if _waiver_of(said.statement) == about}

    def _misattributed(self, decision: Decision, approval: VerifiedApproval, said: _Said) -> Iterator[str]:
        """Who spoke, by the registry that the decision names: with which key, in which roles, and for whom else."""
        where, digest = f"the statement of record {said.index}", decision.policy.people_digest
        registry = self._keys.registry(digest)
        if registry is None:
            why = self._keys.why_not(digest)
            if why:
                yield f"was shown {where}, and the people whom it goes by can't be had: {why}"
            return
        person, signed_at = said.statement.approver, said.statement.signed_at_us
        key = key_in(registry, person, said.envelope.key_id)
        if key is None:
            yield f"was shown {where}, signed with the key {said.envelope.key_id}, which {person} does not have among its people"
            return
        wrong = signature_fault(said.envelope, key, person)
        if wrong is not None:
            yield f"was shown {where} as verified, and it is not what {person} signed: {wrong}"
        if decision.gate == "deployment" and self._revoked(decision, said.envelope.key_id, key.public):
            yield f"was shown {where}, and the key {said.envelope.key_id} was revoked before"
        claimed = set(approval.roles) - set(registry.roles(person, signed_at))
        if claimed:
            yield f"was shown {person} in the roles {', '.join(sorted(claimed))}, which they do not hold among its people"
        hidden = set(registry.also(person, signed_at)) - set(approval.also)
        if hidden:
            yield f"was not shown that {person} acts for {', '.join(sorted(hidden))}"

    def _revoked(self, decision: Decision, key_id: str, public: str) -> bool:
        from lifecycle.approvals.keys import key_id_of

        names = {key_id, *([key_id_of(public)] if public else [])}
        return any(self._keys.revoked(name, decision.input.target.environment) for name in names)


def _misquoted(event: Event, approval: VerifiedApproval, said: _Said) -> Iterator[str]:
    statement, where = said.statement, f"the statement of record {said.index}"
    for shown, signed in REPEATED:
        if getattr(approval, shown) != getattr(statement, signed):
            yield f"was shown {where} with another {signed} ({getattr(approval, shown)}) than was signed ({getattr(statement, signed)})"
    if approval.event_id != said.event_id:
        yield f"was shown {where} as that of the event {approval.event_id}"
    if (statement.model, statement.version) != (event.subject.name, event.subject.version):
        yield f"was shown {where}, which is about {statement.model}:{statement.version}"


def _waiver_of(said: WaiverStatement) -> tuple[str, Digest, Microseconds, str, str]:
    return said.rule, said.model_digest, said.expires_at_us, said.ticket, said.environment
