"""The run that a training function lives in, and `train`, which gives it one and packs what it returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lifecycle.errors import LifecycleError, TrainingInterrupted
from lifecycle.features import Preprocessor, UnknownCategories
from lifecycle.records.bodies.training import Metering
from lifecycle.records.manifest import Part
from lifecycle.records.record import JsonObject
from lifecycle.training.checkpoint import Checkpoints, Progress
from lifecycle.training.device import autocast, determinism, seed_epoch, torch_device
from lifecycle.training.function import TrainedNetwork, require_sound
from lifecycle.training.meter import Meter
from lifecycle.training.ports import Prices, Report
from lifecycle.training.progress import Show, progress
from lifecycle.training.request import TrainingRequest

if TYPE_CHECKING:
    import pandas as pd
    import torch

__all__ = ["TrainingFailure", "TrainingRequest", "TrainingResult", "TrainingRun", "train"]


class TrainingFailure(TrainingInterrupted):
    """A training function that raised. Carries how far it came and what it used until then."""

    def __init__(self, what: str, next_step: str, *, last_epoch: int, metering: Metering) -> None:
        super().__init__(what, next_step)
        self.last_epoch = last_epoch
        self.metering = metering


class TrainingRun:
    """What a training function is given. It sees training and validation rows, and never a test row."""

    def __init__(self, request: TrainingRequest, checkpoints: Checkpoints, meter: Meter, show: Show) -> None:
        self._request = request
        self._checkpoints = checkpoints
        self._show = show
        self._measured: dict[str, float] = {}
        self.meter = meter
        self.train: pd.DataFrame = request.rows("train")
        self.validation: pd.DataFrame = request.rows("validation")
        self.options: JsonObject = request.options
        self.seed: int = request.seed

    @property
    def device(self) -> torch.device:
        return torch_device(self._request.device)

    @property
    def epoch_count(self) -> int:
        """How many epochs the whole training has."""
        return self._request.epochs

    def fit_preprocessor(self, rows: pd.DataFrame, *, unknown: UnknownCategories = "bucket") -> Preprocessor:
        """A preprocessor of the declared features, fitted on these rows: training rows, or a sample of them."""
        spec = self._request.spec
        return Preprocessor.fit(rows, spec.numbers, spec.categories, unknown=unknown, nullable=self._request.nullable)

    def labels(self, rows: pd.DataFrame) -> npt.NDArray[np.float32]:
        """1 where the outcome is the positive one, float32 [rows]."""
        return (rows[self._request.spec.target] == self._request.spec.positive).to_numpy().astype(np.float32)

    def precision(self) -> AbstractContextManager[None]:
        """The context for the forward pass: bfloat16 on CUDA, float32 elsewhere."""
        return autocast(self._request.device)

    def seed_network(self) -> None:
        """Seeds torch for making the network: call it before, so that the first weights follow from the run's seed."""
        seed_epoch(self.seed, 0)

    def epochs(self, module: torch.nn.Module, optimiser: torch.optim.Optimizer) -> Iterator[int]:
        """The epochs that are left, from 1. Each is seeded by its number and checkpointed when it is done.

        Where a run of the same training id was killed, module and optimiser are first put where its last checkpoint left
        them. Whatever else changes while training (a learning rate) must follow from the epoch's number alone, or it
        would differ after a resume.
        """
        restored = self._checkpoints.restore(module, optimiser)
        if restored is not None:
            self.meter.resumed(restored.epochs_done, restored.seconds)
        for epoch in range(self.meter.epochs + 1, self._request.epochs + 1):
            seed_epoch(self.seed, epoch)
            self._measured = {}
            yield epoch
            self.meter.epochs = epoch
            self._checkpoints.save(Progress(epoch, self.meter.seconds), module, optimiser)
            self._show(epoch, self._measured)

    def measured(self, **metrics: float) -> None:
        """What was measured in this epoch, for the log."""
        self._measured.update(metrics)


@dataclass(frozen=True)
class TrainingResult:
    """What training made: the parts of a manifest, as bytes, and what the baseline beside it predicts."""

    parts: dict[Part, bytes]
    metering: Metering
    validation: dict[str, float]
    baseline_name: str
    #: Plain data: `{"rows": [row ids], "probabilities": [...], ...}` of the test rows.
    baseline: JsonObject


def train(
    function: Callable[[TrainingRun], TrainedNetwork], request: TrainingRequest, folder: Path, prices: Prices, report: Report
) -> TrainingResult:
    """Trains, or goes on with the training whose checkpoint lies in `folder`, and exports what came out.

    On a CPU the same request gives the same bytes, interrupted or not. Raises TrainingFailure where the training function
    raises (its checkpoints stand), InvalidDeclaration where what it returns is no network to serve, and the errors of the
    departments that it calls as they are.
    """
    from lifecycle.training.baseline import BASELINE_NAME, baseline_predictions
    from lifecycle.training.export import export_parts

    meter = Meter(request.device)
    checkpoints = Checkpoints(folder, request.identity)
    with determinism(request.deterministic), progress(report, request.epochs) as show:
        run = TrainingRun(request, checkpoints, meter, show)
        if checkpoints.path.exists():
            report(f"going on from the checkpoint of {request.training_id}")
        try:
            trained = function(run)
        except LifecycleError:
            raise
        except Exception as error:  # a team's function may raise anything; the cause stays attached
            raise TrainingFailure(
                f"{request.function} raised {type(error).__name__}: {error}",
                "Mend the function and run it again.",
                last_epoch=meter.epochs,
                metering=meter.read(prices),
            ) from error
    require_sound(trained, request.function)
    metering = meter.read(prices)
    report(f"trained on {metering.device} in {metering.seconds:.1f} s; exporting")
    return TrainingResult(
        parts=export_parts(trained, request, metering),
        metering=metering,
        validation=trained.validation,
        baseline_name=BASELINE_NAME,
        baseline=baseline_predictions(request),
    )
