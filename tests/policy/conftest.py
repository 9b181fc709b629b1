"""Questions that every gate allows, and a keeper that answers them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.policy.bundle import Bundle
from lifecycle.policy.embedded import EmbeddedEngine
from lifecycle.policy.gatekeeper import GateKeeper
from tests.policy.questions import NOBODY_DIGEST


@pytest.fixture(scope="session")
def governance(repository: Path) -> Path:
    """This project's governance folder."""
    return repository / "governance"


@pytest.fixture(scope="session")
def embedded(bundle: Bundle) -> EmbeddedEngine:
    """The embedded engine over this project's bundle."""
    return EmbeddedEngine(bundle)


@pytest.fixture(scope="session")
def keeper(bundle: Bundle, embedded: EmbeddedEngine) -> GateKeeper:
    """A keeper for the environment `local` on the embedded engine."""
    return GateKeeper(embedded, bundle, people_digest=NOBODY_DIGEST, environment="local")
