"""The Dagster home that jobs run into."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.launching import dagster_home
from tests.scenarios.homes import PROJECT, departments_at


@pytest.fixture(autouse=True)
def _keep_dagster_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test sets in this process is unset after it."""
    monkeypatch.setenv("DAGSTER_HOME", "elsewhere")


def test_a_home_gets_the_settings_of_the_project(tmp_path: Path) -> None:
    """The first job lays down deployments/local/dagster.yaml, whole, and nothing beside it."""
    folder = dagster_home(departments_at(tmp_path))
    shipped = PROJECT / "deployments" / "local" / "dagster.yaml"
    assert [path.name for path in folder.iterdir()] == ["dagster.yaml"]
    assert (folder / "dagster.yaml").read_bytes() == shipped.read_bytes()


def test_settings_that_are_there_are_never_overwritten(tmp_path: Path) -> None:
    """An operator's own instance settings are used by every job after."""
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster" / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    assert (dagster_home(departments_at(tmp_path)) / "dagster.yaml").read_text() == "telemetry:\n  enabled: false\n"


def test_a_project_that_ships_none_gets_one_that_tells_nobody(tmp_path: Path) -> None:
    """Telemetry is off also where the project has no deployments folder."""
    project = tmp_path / "project"
    project.mkdir()
    folder = dagster_home(departments_at(tmp_path / "home", LIFECYCLE_PROJECT=str(project)))
    assert "enabled: false" in (folder / "dagster.yaml").read_text()
