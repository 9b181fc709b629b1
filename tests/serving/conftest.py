"""A gateway per test, ended afterwards whatever the test did to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.running import RunningGateway, running_gateway


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[RunningGateway]:
    """A gateway with one worker that serves nothing yet."""
    with running_gateway(tmp_path) as running:
        yield running
