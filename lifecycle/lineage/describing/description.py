"""One event's part in the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lifecycle.records.events import Event
from lifecycle.records.record import Digest, JsonObject


@dataclass(frozen=True)
class Description:
    """One event's part in an activity. `follows` are (activity, role); `used` and `generated` are what the links may have left out."""

    activity: str
    kind: str
    label: str
    outcome: str
    facts: JsonObject = field(default_factory=dict)
    follows: tuple[tuple[str, str], ...] = ()
    used: tuple[tuple[str, Digest], ...] = ()
    generated: tuple[tuple[str, Digest], ...] = ()


#: What describes an event, by the type of its body. `Any`: a mapping can't say that each function takes the body that is its key.
Tellers = Mapping[type, Callable[[Event, Any], Description]]


def words(name: str) -> str:
    """A name of a rule, a gate or an outcome as people write it."""
    return name.replace("_", " ")
