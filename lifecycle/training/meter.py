"""What a training run uses: seconds, memory, and what that costs."""

from __future__ import annotations

import resource
import sys
import time
from typing import TYPE_CHECKING

from lifecycle.records.bodies.training import Metering
from lifecycle.training.device import precision_of

if TYPE_CHECKING:
    from lifecycle.training.ports import Prices


class Meter:
    """Runs from when it is made. Seconds of a run that was interrupted count up to its last checkpoint."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.epochs = 0
        self.resumed_from_epoch = 0
        self._before = 0.0
        self._started = time.monotonic()
        if device.startswith("cuda"):
            import torch

            torch.cuda.reset_peak_memory_stats()

    @property
    def seconds(self) -> float:
        return self._before + time.monotonic() - self._started

    def resumed(self, epochs_done: int, seconds: float) -> None:
        """The run goes on from a checkpoint that had used so much."""
        self.epochs = self.resumed_from_epoch = epochs_done
        self._before = seconds

    def read(self, prices: Prices) -> Metering:
        """What was used until now. Memory is the card's peak on CUDA, and the process's elsewhere."""
        seconds = self.seconds
        cost, currency = prices.cost(self.device, seconds)
        return Metering(
            device=self.device,
            precision=precision_of(self.device),
            seconds=round(seconds, 3),
            peak_memory_bytes=self._peak_memory(),
            epochs=self.epochs,
            resumed_from_epoch=self.resumed_from_epoch,
            cost=round(cost, 6),
            currency=currency,
        )

    def _peak_memory(self) -> int:
        if self.device.startswith("cuda"):
            import torch

            return torch.cuda.max_memory_allocated()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, Linux kibibytes
