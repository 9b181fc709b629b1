"""A row of the prediction log: what was answered, by which version, under which decision, and no personal value.

What was asked, the caller's own id of the request included, stands in the row as a commitment alone; the values lie beside the
log, where they can be erased. A row is a leaf of its segment in the bytes that were written.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lifecycle.records.record import Count, Digest, Id, Microseconds, Name, Record, Share, Version, is_none
from lifecycle.records.rollout import Arm, LedgerProof


class PredictedOutput(Record):
    """The probability of the positive outcome and the decision at the threshold; no probability where a person decides."""

    probability: Share | None
    decision: str


class Prediction(Record):
    """One answer. `version` and what belongs to it are None where no version may answer yet."""

    schema_version: Literal["lifecycle.prediction/1"] = "lifecycle.prediction/1"
    id: Id
    at_us: Microseconds
    model: Name
    version: Version | None
    model_digest: Digest | None
    #: The deployment decision that let this version serve here, and the policy that it was taken by.
    decision_id: Id | None
    bundle_digest: Digest | None
    arm: Arm
    #: The route that was in force.
    epoch: Count
    latency_us: Count
    outcome: Literal["answered", "referred", "failed"]
    output: PredictedOutput | None
    #: The version that failed, or had answered its rows, where another answered in its place.
    fallback_from: Version | None
    #: The prediction whose request was copied, where this is what a shadow said of it. No caller has seen it.
    shadow_of: Id | None = Field(default=None, exclude_if=is_none)
    #: The model that was asked, where another one's champion answered in its place (a tier of kind `model`): `fallback_from` is its.
    asked_model: Name | None = Field(default=None, exclude_if=is_none)
    #: Whether this was said before, of the same values, and was given again (a tier of kind `cached`).
    cached: bool | None = Field(default=None, exclude_if=is_none)
    #: To `{"request_id", "values"}`, and `subject` where the caller said whom the request is about.
    input_commitment: Digest


class PredictionProof(Record):
    """A row of the prediction log, proven to stand in a segment that was sealed in a signed ledger: to be believed offline."""

    schema_version: Literal["lifecycle.prediction-proof/1"] = "lifecycle.prediction-proof/1"
    #: Base64 of the row as it was written, without its line feed.
    row: str
    #: Its place in the segment, from 0.
    position: Count
    #: Base64 of each sibling hash, from the row up to the segment's root (RFC 6962 §2.1.1).
    path: tuple[str, ...]
    #: Of the event that sealed the segment (PredictionsSealed): it has the root, and the number of rows.
    seal: LedgerProof
