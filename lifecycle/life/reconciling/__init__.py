"""Reconciliation: the ledger held against what Dagster and the gateway know."""
