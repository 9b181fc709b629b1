"""An authority, made once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.anchors.authority import LocalAuthority


@pytest.fixture(scope="session")
def authority(tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> LocalAuthority:
    return LocalAuthority(tmp_path_factory.mktemp("authority"), tool("openssl"))
