"""Grants of access for tests of the gateway: real keys, real decisions, real proofs, and a ledger that is a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lifecycle.errors import Unavailable
from lifecycle.proofs.notes import SigningKey
from lifecycle.records.access import AccessBook, CredentialKind, LabelRight, Quota
from lifecycle.records.gates import Decision, GateInput, Request, Requester, ServingAccessEvidence
from lifecycle.records.identity import derived_id, now_us
from lifecycle.records.record import Digest
from lifecycle.records.rollout import LedgerProof
from lifecycle.serving.access.credentials import certificate_digest, key_digest
from tests.serving.packages import ENVIRONMENT, MODEL, decided, decision, plan, prove

PLENTY = Quota(requests_per_minute=100_000, rows_per_day=1_000_000, concurrent=100)
HOUR_US = 3_600_000_000


class FileAccess:
    """Says who may call as a file does, which tests write; does not answer while a file named `down` lies beside it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, held: object, /) -> AccessBook:
        if self._path.with_name("down").exists():
            raise Unavailable("The ledger is down.", "Wait.")
        if not self._path.exists():
            return AccessBook(closed=False, ledger_size=0, read_at_us=1)
        return AccessBook.parse(self._path.read_bytes())


def access_decision(
    digest: Digest,
    version: int,
    *,
    principal: str = "portal",
    kind: CredentialKind = "api_key",
    credential: Digest,
    model: str = MODEL,
    quota: Quota = PLENTY,
    labels: LabelRight | None = None,
    seconds: float = 3_600.0,
    allow: bool = True,
    environment: str = ENVIRONMENT,
) -> Decision:
    """A decision of serving_access as the gate makes it."""
    made = decision(digest, version, plan(), model=model, allow=allow, environment=environment)
    now = now_us()
    shown = ServingAccessEvidence(
        grant_id=derived_id("grant", principal),
        principal=principal,
        kind=kind,
        credential_digest=credential,
        models=(model,),
        purpose="tests",
        tier="standard",
        quota=quota,
        labels=labels,
        granted_at_us=now - HOUR_US,
        expires_at_us=now + int(seconds * 1e6),
        revoked=False,
        deployment_decision_id=made.id,
        version_revoked=False,
    )
    request = Request(id="r", actor=Requester(id=principal, kind="service", roles=(), authenticated=False), reason="")
    asked: GateInput = made.input.model_copy(update={"gate": "serving_access", "evidence": shown, "request": request})
    result = made.result.model_copy(update={"gate": "serving_access"})
    return made.model_copy(
        update={
            "id": derived_id("decision", principal, str(version)),
            "gate": "serving_access",
            "input": asked,
            "input_digest": asked.content_digest(),
            "result": result,
        }
    )


def key_pass(key: SigningKey, digest: Digest, version: int, api_key: str, **changes: Any) -> LedgerProof:
    """The proof that whoever shows this API key may ask this version."""
    return prove(decided(access_decision(digest, version, credential=key_digest(api_key), **changes)), key)


def certificate_pass(key: SigningKey, digest: Digest, version: int, name: str, **changes: Any) -> LedgerProof:
    """The proof that whoever shows a certificate with this name may ask this version."""
    made = access_decision(digest, version, kind="certificate", credential=certificate_digest(name), **changes)
    return prove(decided(made), key)


def book(*passes: LedgerProof, revoked: tuple[str, ...] = (), closed: bool = True, size: int = 1) -> AccessBook:
    """What the ledger would say."""
    return AccessBook(closed=closed, ledger_size=size, read_at_us=1, revoked=revoked, passes=passes)
