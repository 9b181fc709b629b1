"""From values to places on a line, with round numbers to read them by."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

#: Steps that people count in, within each power of ten.
_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)
#: How many steps a scale has, at most.
_MOST_STEPS = 5
#: Values that differ by less than this share of themselves are one value to the eye, and get some room around them.
_LEAST = 1e-6
#: What is smaller than this is drawn as nothing.
_NOTHING = 1e-3


@dataclass(frozen=True)
class Scale:
    """The values from `low` to `high` laid out from `left` to `right`; what lies outside is drawn at the end that it is beyond."""

    low: float
    high: float
    left: float
    right: float
    step: float

    @classmethod
    def around(cls, values: Iterable[float], *, left: float, right: float) -> Scale:
        """The shortest scale of at most five round steps that holds all values. Raises ValueError where there are none."""
        found = [value for value in values if math.isfinite(value)]
        if not found:
            raise ValueError("a scale needs a value")
        largest = max(map(abs, found))
        alike = max(found) - min(found) <= _LEAST * max(largest, _NOTHING)
        room = (0.05 * largest if largest > _NOTHING else 0.05) if alike else 0.0
        low, high = min(found) - room, max(found) + room
        magnitude = 10.0 ** (math.floor(math.log10(high - low)) - 1)
        for factor in (scale * step for scale in (1.0, 10.0, 100.0) for step in _ROUND):
            step = factor * magnitude
            first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
            if max(last, first + 1) - first <= _MOST_STEPS:
                return cls(first * step, max(last, first + 1) * step, left, right, step)
        raise AssertionError("a hundred times the span is never too short")  # pragma: no cover

    def at(self, value: float) -> float:
        """The place of a value."""
        share = (value - self.low) / (self.high - self.low)
        return self.left + (self.right - self.left) * min(max(share, 0.0), 1.0)

    @property
    def ticks(self) -> tuple[float, ...]:
        """The round values, both ends included."""
        return tuple(round(self.low + number * self.step, 12) for number in range(round((self.high - self.low) / self.step) + 1))

    def label(self, value: float, *, signed: bool = False) -> str:
        """A value with as many decimals as the steps have."""
        decimals = max(0, -math.floor(math.log10(self.step) + 1e-9))
        if not math.isclose(self.step * 10**decimals, round(self.step * 10**decimals), abs_tol=1e-6):
            decimals += 1
        shown = 0.0 if math.isclose(value, 0.0, abs_tol=self.step * 1e-6) else value
        return (f"{shown:+.{decimals}f}" if signed and shown else f"{shown:.{decimals}f}").replace("-", "−")
