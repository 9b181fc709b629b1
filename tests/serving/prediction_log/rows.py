"""Rows of a prediction log, and what was asked for them."""

from __future__ import annotations

from typing import Any

from lifecycle.records.prediction import PredictedOutput, Prediction
from lifecycle.records.record import digest_of


def row(number: int, **changed: Any) -> dict[str, Any]:
    """A row as a worker hands it to the log."""
    made = Prediction(
        id=f"p{number}",
        at_us=number,
        model="credit",
        version=1,
        model_digest=digest_of(b"model"),
        decision_id="decision-1",
        bundle_digest=digest_of(b"bundle"),
        arm="champion",
        epoch=1,
        latency_us=900,
        outcome="answered",
        output=PredictedOutput(probability=0.5, decision="bad"),
        fallback_from=None,
        input_commitment=digest_of(b"to be replaced"),
    )
    return made.as_json() | changed


def asked(**values: Any) -> dict[str, Any]:
    """What a caller sent, as a worker keeps it beside the row."""
    return {"request_id": "somebody@example.org", "values": values}
