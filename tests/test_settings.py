"""Settings come from the environment, and a name or a value that is none is told before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.errors import InvalidDeclaration
from lifecycle.settings import Settings


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder that is a project."""
    (tmp_path / "workspace.yaml").touch()
    return tmp_path


def test_a_mistyped_environment_does_not_leave_anybody_in_local(project: Path) -> None:
    """Nobody has to sign in `local`: a typing error must not lead there, and the error names what was meant."""
    with pytest.raises(InvalidDeclaration, match=r"no setting LIFECYCLE_ENVIROMENT\. Was LIFECYCLE_ENVIRONMENT meant"):
        Settings.from_environment({"LIFECYCLE_ENVIROMENT": "production"}, project)


def test_what_others_read_and_what_is_not_ours_passes(project: Path) -> None:
    """Variables of other programs, and those that the definitions and the tests read, are no errors."""
    environ = {"LIFECYCLE_RESOURCES": "cluster", "LIFECYCLE_REQUIRE_TOOLS": "1", "LIFECYCLES": "x", "PATH": "/bin"}
    assert Settings.from_environment(environ, project).environment == "local"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LIFECYCLE_GATEWAY_PORT", "tcp://10.0.0.7:8470"),
        ("LIFECYCLE_GATEWAY_PORT_8470_TCP", "tcp://10.0.0.7:8470"),
        ("LIFECYCLE_GATEWAY_SERVICE_HOST", "10.0.0.7"),
    ],
)
def test_what_kubernetes_sets_for_a_service_of_ours_is_told_with_its_cure(project: Path, name: str, value: str) -> None:
    """A Service named lifecycle-gateway puts variables into every pod of its namespace that look like settings."""
    with pytest.raises(InvalidDeclaration) as caught:
        Settings.from_environment({name: value}, project)
    assert name in caught.value.what
    assert "enableServiceLinks: false" in caught.value.next_step


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LIFECYCLE_ENVIRONMENT", "Production"),
        ("LIFECYCLE_GATEWAY_WORKERS", "-1"),
        ("LIFECYCLE_GATEWAY_PORT", "65536"),
        ("LIFECYCLE_DESK_PORT", "99999"),
        ("LIFECYCLE_GATEWAY_SEAL_SECONDS", "60s"),
        ("LIFECYCLE_GATEWAY_ACCESS_LOG", "true"),
    ],
)
def test_a_value_that_is_none_is_told_with_the_name_and_what_is_allowed(project: Path, name: str, value: str) -> None:
    """Nothing falls back to a default."""
    with pytest.raises(InvalidDeclaration, match=name):
        Settings.from_environment({name: value}, project)


def test_a_name_that_is_like_none_suggests_none(project: Path) -> None:
    """A guess that is far off sends somebody the wrong way."""
    with pytest.raises(InvalidDeclaration) as caught:
        Settings.from_environment({"LIFECYCLE_NONSENSE": "1"}, project)
    assert caught.value.what == "There is no setting LIFECYCLE_NONSENSE."
