"""The ledger: an append-only log of what happened, whose past can't be changed without showing it.

`Ledger.open` gives the whole department. The signer is a process of its own (`python -m lifecycle.ledger.signer`).
"""
