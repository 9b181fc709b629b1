from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lifecycle.evaluation.judging import Judged, Question, judge
from lifecycle.records.record import digest_of
from lifecycle.training.run import TrainingResult
from tests.training.small_model import SmallData, small_frame, train_small, train_small_network

METRICS = ("accuracy", "auc", "log_loss", "brier", "calibration_error")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    """The small model."""
    return train_small(tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="session")
def champion(tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    """The same, trained for one epoch only: worse."""
    return train_small(tmp_path_factory.mktemp("champion"), epochs=1)


def question_on(trained: TrainingResult, **changed: Any) -> Question:
    """The small model's version 2, on its dataset version."""
    question = Question(
        model="small",
        version=2,
        model_digest=digest_of(b"model"),
        dataset_digest=digest_of(b"small"),
        parts=trained.parts,
        frame=small_frame(),
        spec=SmallData(),
        metrics=METRICS,
        slices=("home", "years"),
        minimum_group_n=20,
        training=train_small_network,
        baseline_name=trained.baseline_name,
        baseline=trained.baseline,
    )
    return replace(question, **changed)


@pytest.fixture(scope="session")
def question(trained: TrainingResult) -> Question:
    return question_on(trained)


@pytest.fixture(scope="session")
def kept() -> dict[str, bytes]:
    """What judging kept, by digest."""
    return {}


@pytest.fixture(scope="session")
def judged(question: Question, champion: TrainingResult, kept: dict[str, bytes]) -> Judged:
    """The small model judged beside its champion."""

    def keep(content: bytes) -> str:
        kept[digest_of(content)] = content
        return digest_of(content)

    beside = replace(question, champion_version=1, champion_digest=digest_of(b"champion"), champion_parts=champion.parts)
    return judge(beside, keep=keep)
