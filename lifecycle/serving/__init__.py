"""The gateway: a service of its own that answers predictions, rolls versions out step by step and takes bad ones back.

The supervisor owns the routes, the journal and the rollouts; workers answer HTTP; a canary answers from a process of
its own until it is promoted. Nothing in here imports Dagster, torch, pandas or the ledger: what is needed of those is a
Protocol in `ports`, and the proofs of what may serve are cached beside the gateway.
"""
