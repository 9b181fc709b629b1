"""Alembic's entry: runs the migrations on the connection, and in the transaction, that the ledger gives it."""

from __future__ import annotations

from alembic import context

from lifecycle.ledger.storage.schema import LedgerTable

context.configure(connection=context.config.attributes["connection"], target_metadata=LedgerTable.metadata)
context.run_migrations()
