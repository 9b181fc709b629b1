"""What became of one request, and the rows of the prediction log that say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lifecycle.records.identity import new_id
from lifecycle.records.prediction import Prediction
from lifecycle.records.rollout import Arm
from lifecycle.serving.answering.canary_link import CanaryLink
from lifecycle.serving.answering.protocol import REFERRED, InferRequest
from lifecycle.serving.answering.served import Answer, ServedModel

#: Rows are written as plain dictionaries, which costs a tenth of the record; whoever reads checks them against it.
PREDICTION_VERSION: str = Prediction.model_fields["schema_version"].default


@dataclass(frozen=True, slots=True)
class Outcome:
    """Who answered what. No answer: a person decides (`referral`), or nobody could (`champion`, `canary`)."""

    arm: Arm
    by: ServedModel | CanaryLink | None
    answer: Answer | None
    fallback_from: int | None = None
    failure: str = ""
    #: The model that answered, where it is not the one that was asked.
    other_model: str = ""
    cached: bool = False


def rows_of(
    outcome: Outcome,
    request: InferRequest,
    model: str,
    epoch: int,
    at_us: int,
    latency_us: int,
    *,
    asked_model: str = "",
    shadow_of: Sequence[str] = (),
) -> tuple[list[str], list[dict[str, Any]], list[dict[str, Any]]]:
    """One row per application for the log of `model`: their ids, the rows but for the commitment, and what was asked of each.

    `asked_model` is the one that was asked, where that was another; `shadow_of` has the ids of the answers that were given.
    """
    said = "failed" if outcome.failure else "referred" if outcome.answer is None else "answered"
    ids = [new_id(at_us) for _ in range(request.rows)]
    by = outcome.by
    about = {"subject": request.subject} if request.subject else {}
    if request.grant_id:
        about |= {"grant_id": request.grant_id, "principal": request.principal}
    told: dict[str, Any] = {"asked_model": asked_model} if asked_model else {}
    if outcome.cached:
        told["cached"] = True
    rows, asked = [], []
    for position, prediction_id in enumerate(ids):
        output: dict[str, Any] | None = None
        if outcome.answer is not None:
            output = {"probability": outcome.answer.probabilities[position], "decision": outcome.answer.decisions[position]}
        elif said == "referred":
            output = {"probability": None, "decision": REFERRED}
        rows.append(
            {
                "schema_version": PREDICTION_VERSION,
                "id": prediction_id,
                "at_us": at_us,
                "model": model,
                "version": None if by is None else by.version,
                "model_digest": None if by is None else by.digest,
                "decision_id": None if by is None else by.allowance.decision_id,
                "bundle_digest": None if by is None else by.allowance.bundle_digest,
                "arm": outcome.arm,
                "epoch": epoch,
                "latency_us": latency_us,
                "outcome": said,
                "output": output,
                "fallback_from": outcome.fallback_from,
                **told,
                **({"shadow_of": shadow_of[position]} if shadow_of else {}),
            }
        )
        asked.append({"request_id": request.id, "values": {column: of[position] for column, of in request.columns.items()}, **about})
    return ids, rows, asked
