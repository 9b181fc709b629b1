"""A store of datasets."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.artifacts.store import ArtifactStore


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    """An empty artifact store."""
    return ArtifactStore(str(tmp_path / "artifacts"), cache=tmp_path / "cache")
