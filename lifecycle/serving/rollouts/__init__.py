"""Rollouts: what is decided about versions step by step, in the journal before it has an effect, and told to the ledger afterwards."""
