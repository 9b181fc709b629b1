"""A home in which credit:1 waits for the risk office, and the policies of this project."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.policy.bundle import Bundle
from lifecycle.policy.embedded import EmbeddedEngine
from lifecycle.policy.gatekeeper import GateKeeper
from lifecycle.wiring import Departments
from tests.policy.questions import NOBODY_DIGEST
from tests.scenarios.homes import copy_of_home_at_the_gate


@pytest.fixture(scope="session")
def bundle(repository: Path) -> Bundle:
    """This project's bundle."""
    return Bundle.load(repository / "governance")


@pytest.fixture(scope="session")
def keeper(bundle: Bundle) -> GateKeeper:
    """A keeper for the environment `local` on the embedded engine."""
    return GateKeeper(EmbeddedEngine(bundle), bundle, people_digest=NOBODY_DIGEST, environment="local")


@pytest.fixture
def departments(tmp_path: Path) -> Departments:
    """credit:1 waits for one approval of the role risk."""
    found, _ = copy_of_home_at_the_gate(tmp_path)
    return found


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> Departments:
    """The same, for tests that only look."""
    found, _ = copy_of_home_at_the_gate(tmp_path_factory.mktemp("looked-at"))
    return found
