"""A house that lived, made once for the tests that only look at its packs."""

from __future__ import annotations

import pytest

from tests.evidence.house import House, lived
from tests.evidence.packs import packed
from tests.ledger.places import place, server

__all__ = ["house", "pack", "place", "server"]


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """credit:1 serves, credit:2 was denied, and everything is signed."""
    return lived(tmp_path_factory.mktemp("house"))


@pytest.fixture(scope="session")
def pack(house: House) -> bytes:
    """The evidence pack of credit:1."""
    return packed(house)
