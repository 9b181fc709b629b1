"""What happens when a version is made and judged."""

from __future__ import annotations

from typing import Literal

from lifecycle.records.bodies.body import Body
from lifecycle.records.declared import Declared
from lifecycle.records.evidence import Measurement
from lifecycle.records.record import Count, Digest, Id, JsonObject, Name, Record, Version


class Metering(Record):
    """What a training run used, and what that costs by the price table."""

    device: str
    precision: str
    seconds: float
    peak_memory_bytes: Count
    epochs: Count
    resumed_from_epoch: Count
    cost: float
    currency: str


class TrainingStarted(Body):
    dataset_digest: Digest
    options: JsonObject
    seed: Count
    device: str
    estimated_cost: float
    decision_ids: tuple[Id, ...]
    #: Joins the start to its end. None where a writer did not know it yet: then the run joins them.
    training_id: Id | None = None


class ModelTrained(Body):
    dataset_digest: Digest
    model_digest: Digest
    #: The OpenSSF Model Signing bundle over exactly the manifest's files.
    signature_digest: Digest
    signature_key: str
    #: What the version is judged by from here on.
    declared: Declared
    training_id: Id
    code_commit: str
    #: The author that git names: a claim, unless the commit is signed.
    code_author: str
    code_author_basis: Literal["fact", "claim", "none"]
    metering: Metering
    validation: dict[Name, float]
    baseline_name: str
    baseline_digest: Digest


class TrainingFailed(Body):
    dataset_digest: Digest
    training_id: Id
    reason: str
    last_epoch: Count
    #: What the run had used when it ended: a failure is paid for as well. None where it died before it could say.
    metering: Metering | None = None


class ModelEvaluated(Body):
    model_digest: Digest
    dataset_digest: Digest
    evidence_digest: Digest
    report_json_digest: Digest
    report_html_digest: Digest
    headline: dict[Name, Measurement]
    champion_version: Version | None
