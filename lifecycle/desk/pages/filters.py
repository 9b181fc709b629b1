"""How values are written on the pages: times, ages, digests, shares, and the plots beside the numbers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from markupsafe import Markup, escape

from lifecycle.desk.pages import pictures
from lifecycle.desk.plots import strips
from lifecycle.desk.plots.lineage import lineage_picture
from lifecycle.records.counted import counted
from lifecycle.records.evidence import Measurement
from lifecycle.records.record import DAY_US, HOUR_US, SECOND_US

#: The largest unit first, with its microseconds.
_UNITS = (("day", DAY_US), ("hour", HOUR_US), ("minute", 60 * SECOND_US))


def moment(at_us: int) -> Markup:
    """A time in UTC to the minute, with its exact value for programs."""
    at = datetime.fromtimestamp(at_us / 1_000_000, UTC)
    return Markup('<time datetime="{}">{}</time>').format(at.strftime("%Y-%m-%dT%H:%M:%SZ"), at.strftime("%Y-%m-%d %H:%M UTC"))


def span(length_us: int) -> str:
    """A length of time in its two largest units, such as `2 days 23 hours`."""
    parts: list[str] = []
    for unit, size in _UNITS:
        count, length_us = divmod(length_us, size)
        if count:
            parts.append(counted(count, unit))
        elif parts:
            break
    return " ".join(parts[:2]) or "less than a minute"


def since(at_us: int, now_us: int) -> str:
    """How long ago something was."""
    return f"{span(max(now_us - at_us, 0))} ago"


def until(at_us: int, now_us: int) -> str:
    """How long something still has."""
    return f"in {span(at_us - now_us)}" if at_us > now_us else "over"


def short(digest: str | None) -> Markup:
    """A digest by its first twelve digits, in full where the pointer rests and for whoever copies it."""
    if not digest:
        return Markup("–")
    return Markup('<code class="digest" title="{}">{}</code>').format(digest, digest.removeprefix("sha256:")[:12])


def words(name: str) -> str:
    """A name as words: `credit_scoring` is read as `credit scoring`."""
    return name.replace("_", " ")


def number(value: float | None, *, signed: bool = False) -> str:
    """A measured value to three decimals, with a real minus. What rounds to nothing has no sign."""
    if value is None:
        return "not determined"
    shown = f"{value:+.3f}" if signed and round(value, 3) else f"{abs(value) if not round(value, 3) else value:.3f}"
    return shown.replace("-", "−")


def brackets(found: Measurement | None, *, signed: bool = False) -> str:
    """An interval, such as `[0.831, 0.879]`."""
    return "" if found is None else f"[{number(found.low, signed=signed)}, {number(found.high, signed=signed)}]"


def share(value: float | None) -> str:
    """A share as a percentage; None where no row was there to have one."""
    return "no such row" if value is None else f"{value:.1%}".replace("%", " %")


def limit(value: float) -> str:
    """A limit with no more digits than it was written with."""
    return f"{value:g}".replace("-", "−")


def told(text: str) -> str:
    """What a rule observed or allows: JSON text as a person reads it."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    if isinstance(value, float):
        return f"{value:.4g}".replace("-", "−")
    if value is None:
        return "nothing"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def prose(text: str) -> Markup:
    """Text in which `commands` are set as such."""
    parts = (Markup("<code>{}</code>").format(part) if place % 2 else escape(part) for place, part in enumerate(text.split("`")))
    return Markup("").join(parts)


def sentence(text: str) -> str:
    """The end of a sentence as one of its own."""
    return f"{capitalized(text).rstrip('.')}."


def capitalized(text: str) -> str:
    """With its first letter large, and names in it as they are."""
    return text[:1].upper() + text[1:]


def version_path(named: tuple[str, int], part: str = "") -> str:
    """The page of a version, or a part of it."""
    model, version = named
    return f"/versions/{quote(model, safe='')}/{version}{part and '/' + part}"


def names_listed(names: Mapping[str, Any] | tuple[str, ...] | list[str]) -> str:
    """`one`, `one and two`, `one, two and three`."""
    *first, last = list(names) or [""]
    return f"{', '.join(first)} and {last}" if first else last


FILTERS: dict[str, Callable[..., Any]] = {
    "moment": moment,
    "span": span,
    "since": since,
    "until": until,
    "short": short,
    "words": words,
    "number": number,
    "brackets": brackets,
    "share": share,
    "limit": limit,
    "told": told,
    "prose": prose,
    "sentence": sentence,
    "capitalized": capitalized,
    "counted": counted,
    "version_path": version_path,
    "listed": names_listed,
    "row_picture": pictures.row_picture,
    "slices_scale": pictures.slices_scale,
    "slice_picture": pictures.slice_picture,
    "differences_scale": pictures.differences_scale,
    "difference_picture": pictures.difference_picture,
    "apart_picture": pictures.apart_picture,
    "group_picture": pictures.group_picture,
    "groups_axis": pictures.groups_axis,
    "drift_scale": pictures.drift_scale,
    "drift_picture": pictures.drift_picture,
    "axis": strips.axis,
    "legend_mark": strips.legend_mark,
    "lineage_picture": lineage_picture,
}
