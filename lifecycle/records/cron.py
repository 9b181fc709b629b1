"""Cron schedules of five fields, checked where they are declared and not when the scheduler reads them.

As crontab(5) has them: minute, hour, day, month, weekday; each a list of `*`, numbers, names of months and weekdays, and
ranges, with a step or without. What no scheduler could ever fire, such as 30 February, is refused as well.
"""

from __future__ import annotations

import re
from typing import Annotated, NamedTuple

from pydantic import AfterValidator

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_PART = re.compile(r"(?P<all>\*)(?:/(?P<every>[0-9]+))?|(?P<first>[0-9]+|[a-z]{3})(?:-(?P<last>[0-9]+|[a-z]{3})(?:/(?P<step>[0-9]+))?)?")


class _Field(NamedTuple):
    name: str
    least: int
    most: int
    #: The words that stand for numbers from `least` on.
    words: tuple[str, ...] = ()


#: Sunday is 0 and, as everywhere, 7 as well.
_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("weekday", 0, 7, _WEEKDAYS),
)


def checked_cron(schedule: str) -> str:
    """The schedule as it is. Raises ValueError that names the field and what it takes."""
    parts = schedule.split()
    if len(parts) != len(_FIELDS):
        raise ValueError(f"{schedule!r} is not a cron schedule; write five fields (minute hour day month weekday), such as '0 3 * * 1'")
    _, _, days, months, _ = (_values(text, field) for text, field in zip(parts, _FIELDS, strict=True))
    if parts[4] == "*" and min(days) > max(_LONGEST_MONTH[month - 1] for month in months):
        raise ValueError(f"{schedule!r} never comes: none of its months has a day {min(days)}")
    return schedule


def _values(text: str, field: _Field) -> set[int]:
    """Every number that one field stands for."""
    found: set[int] = set()
    for part in text.lower().split(","):
        matched = _PART.fullmatch(part)
        if matched is None:
            raise ValueError(f"{field.name}: {part!r} is not *, a number, a range or one of them with a step, such as */5 or 1-5")
        if matched["all"]:
            first, last, step = field.least, field.most, matched["every"]
        else:
            first = _number(matched["first"], field)
            last, step = (_number(matched["last"], field) if matched["last"] else first), matched["step"]
        if last < first:
            raise ValueError(f"{field.name}: the range {part!r} runs backwards")
        if step is not None and not 1 <= int(step) <= field.most:
            raise ValueError(f"{field.name}: the step in {part!r} is not within 1 and {field.most}")
        found |= set(range(first, last + 1, int(step or 1)))
    return found


def _number(text: str, field: _Field) -> int:
    number = int(text) if text.isdigit() else field.words.index(text) + field.least if text in field.words else None
    if number is None or not field.least <= number <= field.most:
        words = f", or {', '.join(field.words)}" if field.words else ""
        raise ValueError(f"{field.name}: {text!r} is not within {field.least} and {field.most}{words}")
    return number


Cron = Annotated[str, AfterValidator(checked_cron)]
