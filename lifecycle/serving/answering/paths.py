"""What a path names. The same few are asked for over and over, so what they name is remembered.

| method and path                                | answers                                                     |
| ---------------------------------------------- | ----------------------------------------------------------- |
| GET  /v2                                       | the server's name, version and extensions                   |
| GET  /v2/health/live, /v2/health/ready         | 200; 503 while models are being loaded                      |
| GET  /v2/models                                | the names of the models                                     |
| GET  /v2/models/{m}[/versions/{v}]             | what the model takes and answers                            |
| GET  /v2/models/{m}[/versions/{v}]/ready       | 200 where it answers, 404 where not                         |
| POST /v2/models/{m}[/versions/{v}]/infer       | a prediction                                                |
| POST /v2/models/{m}/feedback                   | takes the label of a prediction                             |
| POST /v2/feedback                              | the same, of the model that the body names                  |
| GET  /v2/openapi.json                          | all of this as an OpenAPI document                          |
| GET  /metrics                                  | Prometheus text                                             |
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple

from lifecycle.serving.failures import RequestRefused

Resource = Literal["infer", "models", "model", "model_ready", "feedback", "server", "live", "ready", "openapi", "metrics"]

_FIXED: dict[str, Resource] = {
    "v2": "server",
    "v2/health/live": "live",
    "v2/health/ready": "ready",
    "v2/models": "models",
    "v2/openapi.json": "openapi",
    "v2/feedback": "feedback",
    "metrics": "metrics",
}
_POSTED: frozenset[Resource] = frozenset({"infer", "feedback"})
#: Nothing here has a longer path.
_LONGEST = 1_024
#: So many paths are remembered. Whoever asks for others all the time gains nothing by it, and takes no memory.
_REMEMBERED = 1_024


class Place(NamedTuple):
    """What a path names; `model` is "" where it is none's."""

    resource: Resource
    model: str = ""
    version: int | None = None

    @property
    def method(self) -> str:
        """How it is asked."""
        return "POST" if self.resource in _POSTED else "GET"


def place_of(path: str) -> Place:
    """Raises RequestRefused (404) for a path that names nothing here."""
    if len(path) > _LONGEST:
        raise RequestRefused("There is nothing at a path of that length.", status=404)
    return _place_of(path)


@lru_cache(maxsize=_REMEMBERED)
def _place_of(path: str) -> Place:
    parts = [part for part in path.split("/") if part]
    fixed = _FIXED.get("/".join(parts))
    if fixed is not None:
        return Place(fixed)
    match parts:
        case ["v2", "models", model, *rest, "infer"]:
            return Place("infer", model, _version(rest))
        case ["v2", "models", model, "feedback"]:
            return Place("feedback", model)
        case ["v2", "models", model, *rest, "ready"]:
            return Place("model_ready", model, _version(rest))
        case ["v2", "models", model, *rest]:
            return Place("model", model, _version(rest))
        case _:
            raise RequestRefused(f"There is nothing at {path}.", status=404)


def is_plain_prediction(target: bytes) -> bool:
    """Whether the target of a request is the path of a prediction and nothing else: no query, nothing escaped."""
    return len(target) <= _LONGEST and _is_plain_prediction(target)


@lru_cache(maxsize=_REMEMBERED)
def _is_plain_prediction(target: bytes) -> bool:
    if not target.startswith(b"/v2/models/") or not target.isascii() or any(mark in target for mark in b"?#%"):
        return False
    try:
        return place_of(target.decode("ascii")).resource == "infer"
    except RequestRefused:
        return False


def _version(rest: list[str]) -> int | None:
    """The version in a path: `versions/7`, or none."""
    match rest:
        case []:
            return None
        case ["versions", text] if text.isascii() and text.isdigit() and len(text) < 10:
            return int(text)
        case _:
            raise RequestRefused(f"There is nothing at {'/'.join(rest)}.", status=404)
