from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.training.run import TrainingResult
from tests.training.small_model import train_small


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    """The small model, trained without interruption."""
    return train_small(tmp_path_factory.mktemp("trained"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a run keeps its checkpoint."""
    return tmp_path / "run"
