"""Where the verbs that govern are typed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def project(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with this repository's governance and an empty home."""
    (tmp_path / "workspace.yaml").write_text("load_from: []\n")
    shutil.copytree(repository / "governance", tmp_path / "governance")
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(tmp_path))
    return tmp_path
