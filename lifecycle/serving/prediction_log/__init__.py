"""The prediction log: rows in segments, what was asked kept beside them, each segment sealed as one leaf of the ledger."""
