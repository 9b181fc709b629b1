"""Anchors: places outside the ledger's reach that have seen its ledger checkpoints.

A log that its operator signs alone proves nothing against that operator. What an anchor saw can't be taken back: a folder or git
repository of somebody else's keeps the note, a time-stamp authority says when it existed, a witness holds it against what it saw before.
"""
