"""The list of a recall: which decisions of a version that was taken out would be others today. It holds no personal value."""

from __future__ import annotations

from typing import Literal

from lifecycle.records.prediction import PredictedOutput
from lifecycle.records.record import Digest, Id, Microseconds, Name, Record, Version


class DifferingDecision(Record):
    """What one caller was told, and what the version of now says of the same values."""

    prediction_id: Id
    at_us: Microseconds
    told: PredictedOutput
    now: PredictedOutput


class RecallList(Record):
    """Kept in the artifact store; `DecisionsRecalled` has its digest."""

    schema_version: Literal["lifecycle.recall/1"] = "lifecycle.recall/1"
    model: Name
    version: Version
    digest: Digest | None
    by_version: Version | None
    by_digest: Digest | None
    #: In the order of their time.
    differing: tuple[DifferingDecision, ...]
