"""What training needs of others, stated by training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

#: Takes one line of progress, for a log.
Report = Callable[[str], None]


class Prices(Protocol):
    """What holding a device costs."""

    def cost(self, device: str, seconds: float) -> tuple[float, str]:
        """The amount and its currency (ISO 4217)."""
        ...


class TrainingData(Protocol):
    """What training reads of a dataset's declaration."""

    @property
    def target(self) -> str: ...
    @property
    def positive(self) -> str: ...
    @property
    def negative(self) -> str: ...
    @property
    def numbers(self) -> tuple[str, ...]: ...
    @property
    def categories(self) -> tuple[str, ...]: ...
