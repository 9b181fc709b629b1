"""What is attacked: a ledger, on the database that the test is run on (see `tests.ledger.places`), and the gates of this project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.anchors.authority import LocalAuthority
from tests.attacks.closed_gateway import closed
from tests.ledger.outsiders import Outsiders
from tests.ledger.places import place, server
from tests.ledger.victim import Victim, victim

__all__ = ["closed", "place", "server", "victim"]


@pytest.fixture(scope="session")
def authority(tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> LocalAuthority:
    return LocalAuthority(tmp_path_factory.mktemp("authority"), tool("openssl"))


@pytest.fixture
def outsiders(victim: Victim, authority: LocalAuthority, tmp_path: Path) -> Outsiders:
    """Who has seen the victim's ledger, or will."""
    return Outsiders(victim, authority, tmp_path / "outside")
