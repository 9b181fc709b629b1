"""Where a ledger is attacked: on the database that the test is run on (see `tests.ledger.places`)."""

from __future__ import annotations

from tests.ledger.places import place, server
from tests.ledger.victim import victim

__all__ = ["place", "server", "victim"]
