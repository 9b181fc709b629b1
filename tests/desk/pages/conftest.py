"""A home in which credit:1 waits for the risk office, and the policies of this project."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.wiring import Departments
from tests.scenarios.homes import copy_of_home_at_the_gate


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
