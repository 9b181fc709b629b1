"""Descriptions of a version and of its data for whoever does not read ledgers: model cards and dataset descriptions.

Each says what the ledger says, with the index of the record that it is taken from, and nothing that stands nowhere.
"""
