"""Moments as RFC 3339 writes them, in UTC and to the microsecond: what every format of the field reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from lifecycle.errors import MalformedRecord
from lifecycle.records.record import Microseconds

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def rfc3339(at_us: Microseconds, zone: str = "Z") -> str:
    """A moment as text. `zone` is how UTC is written: `Z`, or `+00:00` where a reader knows no other."""
    return (_EPOCH + at_us * _MICROSECOND).strftime("%Y-%m-%dT%H:%M:%S.%f") + zone


def microseconds(text: str) -> Microseconds:
    """The moment that a text of `rfc3339` says. Raises MalformedRecord for what is no moment with a zone."""
    try:
        return (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND
    except (ValueError, TypeError, OverflowError) as error:
        raise MalformedRecord(f"{text!r} is not a moment.", "Take the file as it was exported.") from error
