"""Where a ledger fails: on the database that the test is run on (see `tests.ledger.places`)."""

from __future__ import annotations

from tests.ledger.places import place, server

__all__ = ["place", "server"]
