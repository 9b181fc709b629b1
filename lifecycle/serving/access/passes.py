"""One caller's leave to ask one version: an allowing decision of the gate serving_access, proven by the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lifecycle.errors import Refused
from lifecycle.proofs.inclusion import proven_leaf
from lifecycle.proofs.notes import VerifierKey
from lifecycle.records.access import CredentialKind, LabelRight, Quota
from lifecycle.records.bodies.decisions import DecisionMade
from lifecycle.records.events import Event
from lifecycle.records.gates import ServingAccessEvidence
from lifecycle.records.record import ActorId, Digest, Id, Microseconds
from lifecycle.records.rollout import LedgerProof


@dataclass(frozen=True, slots=True)
class Pass:
    """What the proven decision says."""

    grant_id: Id
    principal: ActorId
    kind: CredentialKind
    credential_digest: Digest
    quota: Quota
    labels: LabelRight | None
    expires_at_us: Microseconds
    model: str
    digest: Digest
    decision_id: Id


def proven_pass(proof: LedgerProof, environment: str, log_keys: Sequence[VerifierKey]) -> Pass:
    """The pass that a proof proves.

    Raises Tampered where the proof does not hold, MalformedRecord where the leaf is no event, Refused where the proven event is
    not an allowing decision of serving_access for this environment.
    """
    leaf, _ = proven_leaf(proof, log_keys)
    event = Event.parse(leaf)
    if not isinstance(event.body, DecisionMade):
        raise _refused(f"its proof is of a {event.type}, not of a decision")
    decision = event.body.decision
    asked, shown = decision.input, decision.input.evidence
    if not isinstance(shown, ServingAccessEvidence) or not decision.gate == decision.result.gate == asked.gate == "serving_access":
        raise _refused(f"its decision is of the gate {decision.gate}")
    checks = (
        (decision.result.allow and decision.result.outcome == "allow", f"its decision says {decision.result.outcome}"),
        (environment == event.environment == asked.target.environment, f"its decision is for {event.environment}"),
        (asked.subject.digest == event.subject.digest and asked.subject.name == event.subject.name, "its decision is on other bytes"),
        (decision.input_digest == asked.content_digest(), "its decision answers another question than the one beside it"),
    )
    for holds, why in checks:
        if not holds:
            raise _refused(why)
    assert asked.subject.digest is not None  # ACC-001, and the check above
    return Pass(
        grant_id=shown.grant_id,
        principal=shown.principal,
        kind=shown.kind,
        credential_digest=shown.credential_digest,
        quota=shown.quota,
        labels=shown.labels,
        expires_at_us=shown.expires_at_us,
        model=asked.subject.name,
        digest=asked.subject.digest,
        decision_id=decision.id,
    )


def _refused(why: str) -> Refused:
    return Refused(f"A pass lets nobody in: {why}.", "Grant access: `lifecycle access grant`.", ("ACCESS",))
