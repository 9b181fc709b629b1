"""What evaluation needs of others, stated by evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lifecycle.features.encoding import Features
from lifecycle.records.manifest import Part
from lifecycle.records.record import Digest

Probabilities = npt.NDArray[np.float64]
#: Stores bytes, and gives the digest that they go by.
Keep = Callable[[bytes], Digest]


class EvaluationData(Protocol):
    """What evaluation reads of a dataset's declaration."""

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
    @property
    def protected(self) -> Iterable[str]:
        """The names of the protected attributes; the dataset's column is `protected_` and the name."""
        ...


class EagerNetwork(Protocol):
    """Runs the network in its training framework, rebuilt from the weights of a manifest."""

    def eager(self, parts: Mapping[Part, bytes]) -> Callable[[Features], Probabilities]: ...
