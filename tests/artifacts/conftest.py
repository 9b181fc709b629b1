"""A store in a folder, and one small real package."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.artifacts.packages import pack
from lifecycle.artifacts.signing import ensure_signing_key
from lifecycle.artifacts.store import ArtifactStore
from lifecycle.records.manifest import Part
from lifecycle.records.record import Digest
from tests.artifacts.parts import DATASET, small_parts


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    """An empty store in a folder of this machine."""
    return ArtifactStore((tmp_path / "artifacts").as_uri(), cache=tmp_path / "cache")


@pytest.fixture(scope="session")
def parts() -> dict[Part, bytes]:
    """The five parts of a model that doubles its one feature."""
    return small_parts()


@pytest.fixture
def model_digest(store: ArtifactStore, parts: dict[Part, bytes]) -> Digest:
    """The package of these parts, in the store."""
    return pack(store, model="credit", dataset_digest=DATASET, parts=parts)[1]


@pytest.fixture(scope="session")
def signing_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private signing key; its public half lies beside it."""
    return ensure_signing_key(tmp_path_factory.mktemp("keys"))
