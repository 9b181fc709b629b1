"""A home in which one candidate of the credit model has come to the gate, made once per test process and copied."""

from __future__ import annotations

import functools
import shutil
import tempfile
from pathlib import Path

from lifecycle.demo.people import Cast, enrol_cast
from lifecycle.life.evaluation import evaluate_candidate
from lifecycle.life.ingestion import ingest_dataset
from lifecycle.life.promotion import ask_for_promotion
from lifecycle.life.recording import Step
from lifecycle.life.training import train_candidate
from lifecycle.settings import Settings
from lifecycle.wiring import Departments

PROJECT = Path(__file__).resolve().parents[2]


def departments_at(home: Path, **environment: str) -> Departments:
    """The departments of this repository on a home elsewhere."""
    told = {"LIFECYCLE_PROJECT": str(PROJECT), "LIFECYCLE_HOME": str(home), **environment}
    return Departments(Settings.from_environment(told))


def train_to_gate(departments: Departments, run_id: str) -> int:
    """One candidate from the data to the promotion gate, without Dagster; returns its version."""
    model, step = departments.model("credit"), Step(run_id=run_id)
    dataset = ingest_dataset(departments, model, step)
    trained = train_candidate(departments, model, dataset, step, report=lambda line: None)
    version = trained.event.subject.version
    assert version is not None
    evaluate_candidate(departments, model, version, step)
    ask_for_promotion(departments, model, version, step)
    return version


@functools.cache
def _home_at_the_gate() -> Path:
    home = Path(tempfile.mkdtemp(prefix="lifecycle-gate-")) / "home"
    departments = departments_at(home)
    enrol_cast(departments)
    train_to_gate(departments, "first")
    departments.ledger.close()
    return home


def copy_of_home_at_the_gate(folder: Path) -> tuple[Departments, Cast]:
    """A fresh copy: credit:1 waits for one approval of role risk; the demo's people are enrolled."""
    home = folder / "home"
    shutil.copytree(_home_at_the_gate(), home, symlinks=True)
    departments = departments_at(home)
    return departments, enrol_cast(departments)
