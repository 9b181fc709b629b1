"""What Dagster's history shows of runs and assets, in words of our own: a view, which the ledger is held against.

Whoever reaches Dagster's pages or its database can delete a run, wipe an asset, or report a materialization or a passing check that
no run made (docs/adr/0002). So nothing in here proves anything; where it says something else than the ledger, somebody should know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lifecycle.records.record import Microseconds

#: The stages of a model that Dagster shows, and the checks of each.
CHECKS: Mapping[str, tuple[str, ...]] = {
    "dataset": ("contract", "leakage"),
    "candidate": (),
    "evaluation": (),
    "promotion": ("gate",),
    "deployment": (),
    "monitoring": ("guardrails",),
    "rollback": (),
    "recall": ("whole",),
}
#: Jobs of which each successful run records something of its own: `<model><suffix>`.
RECORDING_JOBS = ("_train_to_gate", "_monitor", "_recall")
#: What the stages call the place of their record, in the metadata of a materialization.
LEDGER_INDEX = "ledger index"
#: Dagster marks a run that goes on where another one failed; such a run keeps the first one's identity.
RESUMED = "dagster/is_resume_retry"


@dataclass(frozen=True)
class RunSeen:
    """A run. `first_run_id` is the run that it goes on from, where it resumes one: what it records stands under that."""

    run_id: str
    first_run_id: str
    job: str
    succeeded: bool
    created_us: Microseconds


@dataclass(frozen=True)
class Materialized:
    """Dagster shows an asset of a model as made, by a run."""

    model: str
    stage: str
    run_id: str
    at_us: Microseconds
    data_version: str | None
    #: The record that the stage said it stands for, where it names one.
    ledger_index: int | None

    @property
    def asset(self) -> str:
        return f"{self.model}/{self.stage}"


@dataclass(frozen=True)
class Checked:
    """Dagster shows a check of an asset as passed or failed, by a run."""

    model: str
    stage: str
    check: str
    run_id: str
    at_us: Microseconds
    passed: bool


@dataclass(frozen=True)
class Reported:
    """Something on an asset that no run did: somebody reported it, or wiped the asset."""

    kind: Literal["materialization", "observation", "check", "wipe"]
    asset: str
    at_us: Microseconds


@dataclass(frozen=True)
class History:
    """All that one Dagster home shows of the stages of models."""

    place: str
    runs: tuple[RunSeen, ...]
    materialized: tuple[Materialized, ...]
    checked: tuple[Checked, ...]
    reported: tuple[Reported, ...]
