"""What events of gates and approvers say about the graph."""

from __future__ import annotations

from typing import Any

from lifecycle.lineage.describing.description import Description, Tellers, words
from lifecycle.records.bodies.decisions import (
    ApprovalBarred,
    ApprovalGiven,
    ApprovalRefused,
    ApprovalRequested,
    DecisionMade,
    VersionExpired,
    VersionRetired,
    WaiverSigned,
)
from lifecycle.records.bodies.reviews import GlassBroken, ReviewGiven
from lifecycle.records.bodies.revocations import ApprovalRevoked, VersionRevoked
from lifecycle.records.events import Event
from lifecycle.records.record import JsonObject


def _decided(event: Event, body: DecisionMade) -> Description:
    decision, result, policy = body.decision, body.decision.result, body.decision.policy
    evidence = decision.input.evidence
    promoted = getattr(evidence, "promotion_decision_id", "")
    follows = [(f"decision/{promoted}", "promoted_by")] if promoted else []
    for approval in decision.input.approvals:
        role = "consumed" if approval.statement_digest in body.consumed else "counted"
        follows.append((f"approval/{approval.event_id}", role))
    facts: JsonObject = {
        "gate": decision.gate,
        "rules": [violation.rule for violation in result.violations],
        "violations": [f"{violation.rule}: {violation.message}" for violation in result.violations],
        "required": [f"{needed.given} of {needed.count} {needed.role}" for needed in result.required_approvals],
        "engine": f"{policy.engine} {policy.engine_version}",
        "input_digest": decision.input_digest,
        "bundle_digest": policy.bundle_digest,
    }
    governed = (("bundle", policy.bundle_digest), ("limits", policy.limits_digest), ("people", policy.people_digest))
    label = f"{words(decision.gate)}: {words(result.outcome)}"
    return Description(f"decision/{decision.id}", "decision", label, result.outcome, facts, tuple(follows), used=governed)


def _requested(event: Event, body: ApprovalRequested) -> Description:
    roles: list[Any] = [f"{needed.count} of role {needed.role}" for needed in body.required]
    facts: JsonObject = {"required": roles, "expires_at_us": body.expires_at_us}
    follows = ((f"decision/{body.decision_id}", "required_by"),)
    return Description(f"request/{event.id}", "request", f"approval asked of {', '.join(roles) or 'people'}", "complete", facts, follows)


def _approved(event: Event, body: ApprovalGiven | ApprovalRefused) -> Description:
    statement = body.statement
    facts: JsonObject = {"approver": statement.approver, "reason": statement.reason, "expires_at_us": statement.expires_at_us}
    verb = "approved" if statement.decision == "approve" else "rejected"
    return Description(
        f"approval/{event.id}",
        "approval",
        f"{verb} by {statement.approver}",
        verb,
        facts | {"key": body.envelope.key_id},
        ((f"decision/{statement.requested_by_decision}", "asked_by"),),
        used=(("report_json", statement.report_digest), ("evidence", statement.evidence_digest), ("bundle", statement.bundle_digest)),
        generated=(("approval", statement.content_digest()),),
    )


def _barred(event: Event, body: ApprovalBarred) -> Description:
    facts: JsonObject = {"approver": body.approver, "rules": list(body.rules), "reason": body.reason}
    return Description(f"barred/{event.id}", "barred", f"{body.approver} was barred by {', '.join(body.rules)}", "denied", facts)


def _waiver_signed(event: Event, body: WaiverSigned) -> Description:
    said = body.statement
    facts: JsonObject = {"signer": said.signer, "rule": said.rule, "reason": said.reason, "ticket": said.ticket}
    label = f"{said.signer} would waive {said.rule}"
    signed = (("waiver", said.content_digest()),)
    return Description(f"waiver/{event.id}", "waiver", label, "signed", facts | {"expires_at_us": said.expires_at_us}, generated=signed)


def _glass_broken(event: Event, body: GlassBroken) -> Description:
    facts: JsonObject = {"signed_by": list(body.signed_by), "ends_at_us": body.ends_at_us, "review_by_us": body.review_by_us}
    label = f"{' and '.join(body.signed_by)} broke the glass"
    return Description(f"glass/{event.id}", "waiver", label, "complete", facts, ((f"decision/{body.decision_id}", "allowed_by"),))


def _reviewed(event: Event, body: ReviewGiven) -> Description:
    said = body.statement
    facts: JsonObject = {"signer": said.signer, "verdict": said.verdict, "reason": said.reason, "of": said.event_id}
    label = f"{said.signer} reviewed it: {said.verdict.replace('_', ' ')}"
    return Description(f"review/{event.id}", "review", label, "complete", facts, generated=(("review", said.content_digest()),))


def _ended(event: Event, body: VersionRevoked | VersionRetired) -> Description:
    kind = "revocation" if isinstance(body, VersionRevoked) else "retirement"
    verb = "revoked" if kind == "revocation" else "retired"
    return Description(f"{kind}/{event.id}", kind, f"{verb}: {body.reason}", "complete", {"reason": body.reason})


def _approval_revoked(event: Event, body: ApprovalRevoked) -> Description:
    facts: JsonObject = {"approver": body.approver, "reason": body.reason}
    label = f"revoked what {body.approver} had signed: {body.reason}"
    return Description(f"revocation/{event.id}", "revocation", label, "complete", facts, used=(("approval", body.statement_digest),))


def _expired(event: Event, body: VersionExpired) -> Description:
    follows = ((f"decision/{body.decision_id}", "allowed_by"),)
    return Description(f"expiry/{event.id}", "expiry", "expired: what was allowed was not deployed in time", "complete", {}, follows)


TELLERS: Tellers = {
    DecisionMade: _decided,
    ApprovalRequested: _requested,
    ApprovalGiven: _approved,
    ApprovalRefused: _approved,
    ApprovalBarred: _barred,
    WaiverSigned: _waiver_signed,
    GlassBroken: _glass_broken,
    ReviewGiven: _reviewed,
    ApprovalRevoked: _approval_revoked,
    VersionRevoked: _ended,
    VersionRetired: _ended,
    VersionExpired: _expired,
}
