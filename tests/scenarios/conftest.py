"""What the scenarios on the real command line share."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.life.signing import sign
from tests.scenarios.homes import copy_of_home_at_the_gate


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """credit:1 waits for one approval of role risk; everything until there is signed."""
    departments, _ = copy_of_home_at_the_gate(tmp_path)
    sign(departments)
    departments.ledger.close()
    return departments.settings.home
