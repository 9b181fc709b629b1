"""The answer itself, and what it was an answer to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lifecycle.lineage.explaining.chain import NotFound
from lifecycle.lineage.explaining.walk import Walk
from lifecycle.lineage.outline import moment
from lifecycle.lineage.step import Step
from lifecycle.records.bodies.keeping import SubjectErased
from lifecycle.records.prediction import Prediction
from lifecycle.records.rollout import Arm

#: How the share of the traffic that an answer belongs to is called.
ROUTES: dict[Arm, str] = {
    "champion": "by the champion",
    "canary": "by the canary",
    "referral": "referred to a person",
    "shadow": "by a shadow, to nobody",
    "holdout": "by the hold-out",
    "backup": "in the champion's place",
}


@dataclass(frozen=True)
class Asked:
    """What is kept of the request. None: nothing. `fits` says whether it is what the row was committed to."""

    values: Mapping[str, Any] | None
    fits: bool


def follow_answer(walk: Walk, asked: Asked) -> None:
    """The row, and the values behind its commitment."""
    row = walk.row
    facts = {
        "model": row.model,
        "version": row.version,
        "at_us": row.at_us,
        "route": row.arm,
        "epoch": row.epoch,
        "outcome": row.outcome,
        "output": None if row.output is None else row.output.as_json(),
        "latency_us": row.latency_us,
        "fallback_from": row.fallback_from,
        **{name: value for name in ("shadow_of", "asked_model", "cached") if (value := getattr(row, name)) is not None},
    }
    walk.steps.append(Step("answer", "prediction", f"prediction {row.id}", _said(row), facts=facts))
    walk.follow("answer", "input", lambda: (_input(walk, asked), None))


def _said(row: Prediction) -> str:
    said = row.outcome if row.output is None else row.output.decision
    if row.output is not None and row.output.probability is not None:
        said += f" (probability of the positive outcome {row.output.probability:.3f})"
    if row.cached:
        said += ", as it was said before of the same values"
    if row.fallback_from is not None:
        asked = "" if row.asked_model is None else f" of {row.asked_model}"
        said += f", in the place of version {row.fallback_from}{asked}"
    if row.shadow_of is not None:
        said += f", beside prediction {row.shadow_of}"
    return f"{moment(row.at_us)}  {said}  {ROUTES[row.arm]} in {row.latency_us / 1_000:.2f} ms"


def _input(walk: Walk, asked: Asked) -> Step:
    commitment = walk.row.input_commitment
    erasures = walk.chain.all(SubjectErased, lambda event, body: commitment in body.predictions)
    if asked.values is not None:
        if not asked.fits:
            raise NotFound("what is kept as asked is not what the row was committed to")
        return Step("answer", "input", "what was asked is kept, and opens the commitment in the row", digest=commitment)
    if not erasures:
        raise NotFound("what was asked is gone, and nothing says that it was erased")
    erased = erasures[-1]
    said = f"{moment(erased.event.occurred_at_us)}  “{erased.body.reason}”"
    return Step("answer", "input", "what was asked was erased; the commitment stays", said, commitment, erased.index, tone="waiting")
