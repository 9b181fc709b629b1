"""What the tests of the evidence look at: a house that lived, a ledger that tells a whole life, and the maps of the project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lifecycle.evidence.controls import Framework, read_frameworks
from lifecycle.ledger.ledger import Ledger
from tests.evidence.lived_house import house, pack
from tests.ledger.places import place, server
from tests.lineage import lives
from tests.scenarios.homes import PROJECT

__all__ = ["house", "pack", "place", "server"]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A whole life: version 1 serves and is watched, 2 is denied, 3 is rolled back."""
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", origin="lifecycle.local/ledger") as opened:
        with opened.writing() as writer:
            writer.append_all([one.event for one in lives.whole_life().recorded])
        yield opened


@pytest.fixture(scope="session")
def frameworks() -> tuple[Framework, ...]:
    """The maps of the project."""
    return read_frameworks(PROJECT / "governance" / "controls")
