"""Lineage: one graph, read from the ledger and from nothing else, and what people and other tools want to see of it."""
