"""A ledger of its own for each test, with its key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lifecycle.ledger.keys import create_log_key
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.signing import sign_ledger
from lifecycle.proofs.notes import VerifierKey
from tests.ledger.happenings import ORIGIN


@pytest.fixture
def ledger_file(tmp_path: Path) -> Path:
    return tmp_path / "ledger" / "ledger.db"


@pytest.fixture
def ledger(ledger_file: Path) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{ledger_file}", origin=ORIGIN) as opened:
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
