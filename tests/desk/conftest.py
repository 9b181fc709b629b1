"""A desk with a version that waits for the risk office."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.approvals.waiting_version import MODEL, departments_of, shown, wait_for_approval
from tests.desk.desks import DeskUnderTest, desk_of
from tests.records.declarations import declared


@pytest.fixture
def desk(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DeskUnderTest:
    """The version canary:1, made by ada, waits for one approval by the role risk."""
    shown(monkeypatch, "ada")
    departments = departments_of(repository, tmp_path)
    # As much of the declaration as pages show.
    shown_of_it = {"description": "Decides on canaries.", "owner": "ada", "rollout": declared().rollout}
    vars(departments)["models"] = (SimpleNamespace(name=MODEL, **shown_of_it),)
    wait_for_approval(departments)
    return desk_of(departments, tmp_path / "desk")
