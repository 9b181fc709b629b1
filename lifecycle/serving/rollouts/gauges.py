"""What the controller has made of rollouts, for whoever asks a worker for metrics: the supervisor writes it, all workers read it.

A file that is replaced whole, and that nobody needs after a crash: the counts begin anew with the gateway, as Prometheus expects.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from lifecycle.errors import LifecycleError
from lifecycle.records.bodies import Body
from lifecycle.records.bodies.serving import RollbackRequested, RolloutAborted, RolloutCompleted, RolloutStepReached
from lifecycle.records.record import Count, Name, Record, Version
from lifecycle.serving.rollouts.status import GuardrailStatus

#: What was decided of a rollout, or of what serves.
Decided = Literal["step", "completed", "aborted", "rollback"]
DECIDED: dict[type[Body], Decided] = {
    RolloutStepReached: "step",
    RolloutCompleted: "completed",
    RolloutAborted: "aborted",
    RollbackRequested: "rollback",
}


class ModelGauges(Record):
    """One model's: its rollout, if one is under way, and how often what was decided since the gateway started."""

    model: Name
    version: Version | None
    guardrails: tuple[GuardrailStatus, ...]
    decided: dict[Decided, Count]


class RolloutGauges(Record):
    schema_version: Literal["lifecycle.rollout-gauges/1"] = "lifecycle.rollout-gauges/1"
    models: tuple[ModelGauges, ...] = ()


class GaugeFile:
    """Where the supervisor leaves them."""

    def __init__(self, path: Path, seen: Callable[[], RolloutGauges]) -> None:
        self._path = path
        self._seen = seen
        self._written = b""

    def write(self) -> None:
        """Writes what changed. A disk that does not take it costs the metrics these values, and nothing else."""
        content = self._seen().canonical()
        if content == self._written:
            return
        beside = self._path.with_suffix(".new")
        try:
            # Not made durable: what was seen before a crash means nothing after it.
            with open(beside, "wb", opener=_of_ours_alone) as file:
                file.write(content)
            beside.replace(self._path)
        except OSError:
            return
        self._written = content


def _of_ours_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def read_gauges(path: Path) -> RolloutGauges:
    """What was left last; nothing, where nothing can be read."""
    try:
        return RolloutGauges.parse(path.read_bytes())
    except (OSError, LifecycleError):
        return RolloutGauges()
