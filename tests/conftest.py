"""What tests of several departments share: a clean environment, the shared vectors, and the tools that may be absent."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from lifecycle.policy.bundle import Bundle
    from lifecycle.policy.gatekeeper import GateKeeper

REPOSITORY = Path(__file__).resolve().parent.parent

# Several test processes share the cores: a thread pool per core in each of them would only make them wait for each other.
for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_pool, "1")
os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")
os.environ.setdefault("DO_NOT_TRACK", "1")

# Properties are about results, never about time: a machine under load must not fail them.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the LIFECYCLE_* and DAGSTER_HOME of whoever runs it, nor how wide their terminal is."""
    for name in list(os.environ):
        if (name.startswith("LIFECYCLE_") and name != "LIFECYCLE_REQUIRE_TOOLS") or name in ("DAGSTER_HOME", "COLUMNS"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of this repository."""
    return REPOSITORY


@pytest.fixture(scope="session")
def bundle(repository: Path) -> Bundle:
    """The policies of this project."""
    from lifecycle.policy.bundle import Bundle

    return Bundle.load(repository / "governance")


@pytest.fixture
def project(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with this repository's governance and an empty home."""
    (tmp_path / "workspace.yaml").write_text("load_from: []\n")
    shutil.copytree(repository / "governance", tmp_path / "governance")
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="session")
def keeper(bundle: Bundle) -> GateKeeper:
    """Who asks them in the environment `local`, on the embedded engine."""
    from lifecycle.policy.embedded import EmbeddedEngine
    from lifecycle.policy.gatekeeper import GateKeeper
    from tests.policy.questions import NOBODY_DIGEST

    return GateKeeper(EmbeddedEngine(bundle), bundle, people_digest=NOBODY_DIGEST, environment="local")


@pytest.fixture(scope="session")
def shared_vectors() -> Callable[[str], Path]:
    """A folder or file of the official vectors that lie beside the repository; the test is skipped where they do not."""

    def find(name: str) -> Path:
        found = REPOSITORY.parent / "shared" / "vectors" / name
        if not found.exists():
            pytest.skip(f"the vectors ../shared/vectors/{name} are not beside this repository")
        return found

    return find


def skip_or_fail(reason: str) -> NoReturn:
    """Skips a test that can't be run here; fails it where LIFECYCLE_REQUIRE_TOOLS=1 says that everything must be."""
    if os.environ.get("LIFECYCLE_REQUIRE_TOOLS") == "1":
        pytest.fail(f"{reason}, and LIFECYCLE_REQUIRE_TOOLS=1 asks for it")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    """The path of a program. Where it is absent the test is skipped, or fails under LIFECYCLE_REQUIRE_TOOLS=1."""

    def find(name: str) -> str:
        found = shutil.which(name)
        if found is None:
            skip_or_fail(f"the program {name} is not on PATH")
        return found

    return find
