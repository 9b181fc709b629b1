"""A ledger of its own for each test, with its key; on the database that the test is run on (see `places`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.log_key.keys import create_log_key
from lifecycle.ledger.log_key.signing import sign_ledger
from lifecycle.proofs.notes import VerifierKey
from tests.ledger.happenings import ORIGIN
from tests.ledger.places import Place, place, server
from tests.ledger.victim import victim

__all__ = ["place", "server", "victim"]


@pytest.fixture
def ledger_file(place: Place) -> Path:
    """The file of the ledger, for a test of what only SQLite has."""
    assert place.file is not None
    return place.file


@pytest.fixture
def ledger(place: Place) -> Iterator[Ledger]:
    with Ledger.open(place.url, origin=ORIGIN) as opened:
        yield opened


@pytest.fixture
def log_key(tmp_path: Path) -> VerifierKey:
    return create_log_key(tmp_path / "keys", ORIGIN)


@pytest.fixture
def key_file(tmp_path: Path, log_key: VerifierKey) -> Path:
    return tmp_path / "keys" / "ledger.key"


@pytest.fixture
def signed(ledger: Ledger, key_file: Path) -> Callable[[], str]:
    """Signs the ledger as it stands; in this process, which is quicker than the signer's own."""
    return lambda: sign_ledger(ledger.url, key_file, ORIGIN)
