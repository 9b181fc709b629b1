"""A house that lived and its pack, made once for the tests that only look at them, wherever they stand."""

from __future__ import annotations

import pytest

from tests.evidence.house import House, lived
from tests.evidence.packs import packed


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """credit:1 serves, credit:2 was denied, and everything is signed."""
    return lived(tmp_path_factory.mktemp("house"))


@pytest.fixture(scope="session")
def pack(house: House) -> bytes:
    """The evidence pack of credit:1."""
    return packed(house)
