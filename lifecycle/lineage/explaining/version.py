"""The version that answered: the bytes, and who signed them."""

from __future__ import annotations

from lifecycle.lineage.explaining.chain import Found
from lifecycle.lineage.explaining.walk import Walk, require, told
from lifecycle.lineage.reading import short
from lifecycle.lineage.step import Step
from lifecycle.records.bodies.revocations import VersionRevoked
from lifecycle.records.bodies.training import ModelTrained


def follow_version(walk: Walk) -> Found[ModelTrained] | None:
    """The record that made the version; None where no version answered, or the edge is missing."""
    if walk.row.version is None:
        walk.steps.append(Step("version", "version", "no version answered", "a person decides", tone="waiting"))
        return None
    trained = walk.follow("version", "version", lambda: _version(walk))
    if trained is None:
        walk.unreached("version", "signature", "version")
    else:
        walk.follow("version", "signature", lambda: (_signature(walk, trained.body), None))
    return trained


def _version(walk: Walk) -> tuple[Step, Found[ModelTrained]]:
    row = walk.row
    trained = walk.chain.latest(
        ModelTrained, lambda event, body: event.subject.version == row.version, f"the ledger holds no training of {walk.version}"
    )
    digest = trained.body.model_digest
    require(
        row.model_digest == digest == trained.event.subject.digest,
        f"the row says that {short(str(row.model_digest))} answered, but {walk.version} is {short(digest)}",
    )
    revoked = walk.chain.all(VersionRevoked, lambda event, body: event.subject.version == row.version)
    detail = f"the bytes that answered; revoked since: “{revoked[-1].body.reason}”" if revoked else "the bytes that answered"
    return told("version", "version", trained, walk.version, detail, digest=digest, tone="bad" if revoked else "plain"), trained


def _signature(walk: Walk, body: ModelTrained) -> Step:
    walk.store.require(body.model_digest, "the manifest of the model")
    walk.store.require(body.signature_digest, "the signature of the model")
    fault = walk.verifiers.signature(body.model_digest, body.signature_digest)
    require(not fault, fault)
    facts = {"key": body.signature_key}
    return Step("version", "signature", f"signed by the key {body.signature_key[:12]}", digest=body.signature_digest, facts=facts)
