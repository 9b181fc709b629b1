"""What a caller says turned out to be true of a prediction.

What can't be a label of this model is refused, with its field: a label that is no outcome of it would count as wrong for whoever
answered, and one of no prediction's id would never be joined with any. The moment of a label is the gateway's own, so that
nobody dates one before its prediction or ahead.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from lifecycle.serving.failures import RequestRefused

#: The ids that predictions are given: UUIDv7, in the one form in which they are written.
_PREDICTION_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_FIELDS = ("model", "prediction_id", "label")


@dataclass(frozen=True, slots=True)
class ToldLabel:
    """The body of `POST /v2/models/MODEL/feedback` or of `POST /v2/feedback`."""

    model: str
    prediction_id: str
    label: str

    def require_outcome(self, outcomes: Collection[str]) -> None:
        """Raises RequestRefused (400) where the label is none of the outcomes that the model decides between."""
        if self.label not in outcomes:
            raise RequestRefused(f"`label` must be one of {', '.join(sorted(outcomes))}, the outcomes of {self.model}.", "label")


def label_of(value: Any, of_path: str) -> ToldLabel:
    """The label that a JSON value is; `of_path` is the model that the path names, or "". Raises RequestRefused with the field."""
    if not isinstance(value, dict):
        raise RequestRefused("The body must be an object with `model`, `prediction_id` and `label`.")
    said = {"model": of_path, **value} if of_path else value
    for key in _FIELDS:
        if not isinstance(said.get(key), str) or not 0 < len(said[key]) <= 256:
            raise RequestRefused(f"`{key}` must be a text of 1 to 256 characters.", key)
    if of_path not in ("", said["model"]):
        raise RequestRefused(f"`model` must be {of_path}, the model of the path, or left out.", "model")
    if _PREDICTION_ID.fullmatch(said["prediction_id"]) is None:
        raise RequestRefused("`prediction_id` must be the one that stands in the parameters of an answer.", "prediction_id")
    return ToldLabel(said["model"], said["prediction_id"], said["label"])
