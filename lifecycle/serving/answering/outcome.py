"""One request on its way and what became of it: what its caller hears, and the rows of the prediction log that say so.

Each prediction makes one of each of these, and a frozen dataclass takes four times as long to make: nobody changes an `Inquiry` either.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from lifecycle.errors import Unavailable
from lifecycle.records.identity import new_id
from lifecycle.records.prediction import Prediction
from lifecycle.records.rollout import Arm
from lifecycle.serving.answering.canary_link import CanaryLink
from lifecycle.serving.answering.named import ServedName
from lifecycle.serving.answering.protocol import REFERRED, InferRequest, format_answer, format_referral
from lifecycle.serving.answering.routes import Route
from lifecycle.serving.answering.served import Answer, ServedModel

#: An answer in the form of the protocol.
Said = dict[str, Any]

#: Rows are written as plain dictionaries, which costs a tenth of the record; whoever reads checks them against it.
PREDICTION_VERSION: str = Prediction.model_fields["schema_version"].default


@dataclass(slots=True)
class Inquiry:
    """One request on its way through a worker."""

    #: The model that is asked, and the route that is in force for the request, whatever is decided meanwhile.
    name: ServedName
    route: Route
    request: InferRequest
    #: When it came, by the wall clock in microseconds and by the clock of time.monotonic_ns.
    at_us: int
    started_ns: int

    def took_us(self) -> int:
        """For how long it has been under way, in microseconds."""
        return (time.monotonic_ns() - self.started_ns) // 1_000


class Outcome(NamedTuple):
    """Who answered what. No answer: a person decides (`referral`), or nobody could (`champion`, `canary`)."""

    arm: Arm
    by: ServedModel | CanaryLink | None
    answer: Answer | None
    fallback_from: int | None = None
    failure: str = ""
    #: The model that answered, where it is not the one that was asked.
    other_model: str = ""
    cached: bool = False


class Entry(NamedTuple):
    """What one request leaves in the log of a model: one row per application."""

    log: ServedName
    ids: list[str]
    #: The rows but for the commitment, and what was asked of each, as `prediction_log.writing.prepared` takes them.
    rows: list[dict[str, Any]]
    asked: list[dict[str, Any]]


def said_of(inquiry: Inquiry, outcome: Outcome, ids: list[str]) -> Said:
    """What a caller hears, whose rows have these ids. Raises Unavailable where nobody could answer."""
    if outcome.failure:
        raise Unavailable(outcome.failure, "Send the request again; `lifecycle gateway status` shows what serves.")
    parameters: dict[str, Any] = {"arm": outcome.arm, "prediction_id": ids[0], "epoch": inquiry.route.epoch}
    if len(ids) > 1:
        parameters["prediction_ids"] = ids
    asked = inquiry.name.name
    if outcome.other_model:
        parameters["asked_model"] = asked
    if outcome.answer is None or outcome.by is None:
        return format_referral(inquiry.request, asked, parameters)
    return format_answer(inquiry.request, outcome.other_model or asked, outcome.by.version, outcome.answer, parameters)


def entry_of(inquiry: Inquiry, outcome: Outcome, log: ServedName, epoch: int, latency_us: int, shadow_of: Sequence[str] = ()) -> Entry:
    """What a request leaves in the log of a model whose route has this epoch. `shadow_of` has the ids of the answers that were given."""
    request, at_us = inquiry.request, inquiry.at_us
    by, answer = outcome.by, outcome.answer
    said = "failed" if outcome.failure else "referred" if answer is None else "answered"
    ids = [new_id(at_us) for _ in range(request.rows)]
    about = {"subject": request.subject} if request.subject else {}
    if request.grant_id:
        about |= {"grant_id": request.grant_id, "principal": request.principal}
    rows, asked = [], []
    for position, prediction_id in enumerate(ids):
        output: dict[str, Any] | None = None
        if answer is not None:
            output = {"probability": answer.probabilities[position], "decision": answer.decisions[position]}
        elif said == "referred":
            output = {"probability": None, "decision": REFERRED}
        row = {
            "schema_version": PREDICTION_VERSION,
            "id": prediction_id,
            "at_us": at_us,
            "model": log.name,
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
        }
        if outcome.other_model:
            row["asked_model"] = inquiry.name.name
        if outcome.cached:
            row["cached"] = True
        if shadow_of:
            row["shadow_of"] = shadow_of[position]
        rows.append(row)
        asked.append({"request_id": request.id, "values": {column: of[position] for column, of in request.columns.items()}, **about})
    return Entry(log, ids, rows, asked)
