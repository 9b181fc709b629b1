"""The root of the bodies of events."""

from __future__ import annotations

from lifecycle.records.record import Record


class Body(Record):
    """What an event says beyond who, what and when. The class name is the type of the event."""

    #: Grows when a field is added or changes its meaning; readers keep every version that was ever written.
    body_version: int = 1
