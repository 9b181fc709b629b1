"""What events of callers say about the graph: who may ask for predictions, and what was refused."""

from __future__ import annotations

from typing import Any

from lifecycle.lineage.describing.description import Description, Tellers
from lifecycle.records.approval import AccessStatement, RevocationStatement
from lifecycle.records.bodies.access import AccessGranted, AccessRevoked, RefusalsSealed
from lifecycle.records.events import Event
from lifecycle.records.record import JsonObject


def _granted(event: Event, body: AccessGranted) -> Description:
    models: list[Any] = list(body.models)
    facts: JsonObject = {"principal": body.principal, "kind": body.kind, "models": models, "purpose": body.purpose, "tier": body.tier}
    facts |= {"expires_at_us": body.expires_at_us, "reason": body.reason}
    if body.labels is not None:
        facts["labels"] = body.labels
    if body.envelope is not None:
        facts["signed_by"] = body.envelope.holding(AccessStatement).signer
    label = f"granted {body.principal} access to {', '.join(body.models)}"
    return Description(f"access/{body.grant_id}", "access", label, "complete", facts)


def _revoked(event: Event, body: AccessRevoked) -> Description:
    facts: JsonObject = {"revoked_because": body.reason}
    if body.envelope is not None:
        facts["revoked_by"] = body.envelope.holding(RevocationStatement).signer
    label = f"took back the access of {body.principal}"
    return Description(f"access/{body.grant_id}", "access", label, "revoked", facts)


def _refusals(event: Event, body: RefusalsSealed) -> Description:
    refused: JsonObject = {one.reason: one.requests for one in body.refused}
    facts: JsonObject = {"segment": body.segment, "number": body.number, "refused": refused, "from_us": body.from_us, "to_us": body.to_us}
    label = f"refused {sum(one.requests for one in body.refused):,} requests"
    return Description(f"refusals/{event.id}", "refusals", label, "complete", facts, generated=(("refusals", body.root),))


TELLERS: Tellers = {AccessGranted: _granted, AccessRevoked: _revoked, RefusalsSealed: _refusals}
