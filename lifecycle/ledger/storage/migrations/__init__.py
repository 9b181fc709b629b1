"""The history of the ledger's schema, applied by alembic when a ledger is opened."""
