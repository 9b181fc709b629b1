"""What goes over the gateway's socket: one line of JSON each way. Light, because every verb that asks a gateway imports it."""

from __future__ import annotations

import json
from typing import Any

from lifecycle import errors
from lifecycle.errors import LifecycleError, Refused
from lifecycle.records.record import JsonObject

#: An order carries the leaf of a decision, with all the evidence in it.
LONGEST_LINE = 16 << 20


def encode_request(verb: str, fields: JsonObject) -> bytes:
    """A request as one line."""
    return json.dumps({**fields, "do": verb}).encode() + b"\n"


def error_as_json(error: LifecycleError) -> JsonObject:
    """An error as it goes over the socket."""
    said: JsonObject = {"kind": type(error).__name__, "what": error.what, "next_step": error.next_step}
    if isinstance(error, Refused):
        said["rules"] = list(error.rules)
    return said


def error_from_json(said: dict[str, Any]) -> LifecycleError:
    """The same error at the other end; one that is not known here is still a LifecycleError."""
    kind = getattr(errors, str(said.get("kind")), LifecycleError)
    what, next_step = str(said.get("what")), str(said.get("next_step"))
    if kind is Refused:
        return Refused(what, next_step, tuple(said.get("rules", ())))
    if not (isinstance(kind, type) and issubclass(kind, LifecycleError)):
        return LifecycleError(what, next_step)
    return kind(what, next_step)
