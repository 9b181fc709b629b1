"""The root of the bodies of events."""

from __future__ import annotations

from typing import Literal

from lifecycle.records.record import Record


class Body(Record):
    """What an event says beyond who, what and when. The class name is the type of the event."""

    #: Grows when a field is added or changes its meaning: then the body declares its own number, and the form that was
    #: written before stays beside it under its number. What no reader here knows is refused, never half understood.
    body_version: Literal[1] = 1
