"""What is to be trained, on what, how."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lifecycle.errors import InvalidDeclaration
from lifecycle.records.manifest import Bounds
from lifecycle.records.record import Digest, JsonObject, canonical_bytes, digest_of
from lifecycle.training.ports import TrainingData

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class TrainingRequest:
    """One training run. `frame` is a dataset version as it is stored: all splits, with `row_id` and `split`.

    The test rows are there for the baseline's predictions and for which columns may be missing at all; a training
    function never sees them. `device` is a name that `choose_device` gave.
    """

    training_id: str
    frame: pd.DataFrame
    spec: TrainingData
    options: JsonObject
    seed: int
    epochs: int
    device: str
    deterministic: bool
    function: str
    dataset_digest: Digest
    code_commit: str
    #: What the data contract permits of the number columns: whatever the model refuses to answer.
    bounds: Mapping[str, Bounds] = field(default_factory=dict)

    @property
    def identity(self) -> Digest:
        """A digest of everything that decides the weights: a checkpoint of another identity is not this run's."""
        return digest_of(
            canonical_bytes(
                {
                    "function": self.function,
                    "options": self.options,
                    "seed": self.seed,
                    "epochs": self.epochs,
                    "device": self.device,
                    "deterministic": self.deterministic,
                    "dataset": self.dataset_digest,
                    "code_commit": self.code_commit,
                    "source": _source_digest(self.function),
                }
            )
        )

    def rows(self, split: str) -> pd.DataFrame:
        """The rows of one split. Raises InvalidDeclaration where there are none, or of one outcome only."""
        found = self.frame[self.frame["split"] == split]
        outcomes = set(found[self.spec.target].unique())
        if outcomes != {self.spec.positive, self.spec.negative}:
            raise InvalidDeclaration(
                f"The {split} rows hold the outcomes {', '.join(sorted(map(str, outcomes))) or 'of no row'}.",
                f"Training needs rows with {self.spec.positive!r} and with {self.spec.negative!r}; look at the data and its split shares.",
            )
        return found

    @property
    def nullable(self) -> tuple[str, ...]:
        """The features in which any row of the dataset has no value."""
        features = [*self.spec.numbers, *self.spec.categories]
        absent = self.frame[features].isna().any()
        return tuple(name for name in features if absent[name])


def _source_digest(function: str) -> Digest | None:
    """The digest of the module that a training function stands in: one commit with changes is not another with changes."""
    try:
        found = importlib.util.find_spec(function.partition(":")[0])
    except (ImportError, ValueError):
        return None
    return digest_of(Path(found.origin).read_bytes()) if found is not None and found.has_location and found.origin else None
