"""`lifecycle ledger`: which verbs it has, and where each one lives."""

from __future__ import annotations

import click

from lifecycle.cli.verbs import Verb, VerbGroup

VERBS: dict[str, Verb] = {
    "verify": Verb("Check", "ledger.verifying", "Check every record, the tree, every signature and state."),
    "fsck": Verb("Check", "ledger.fsck", "Make everything beside the leaves again, and report each difference."),
    "reconcile": Verb("Check", "ledger.reconciling", "Hold the ledger against Dagster's history and the gateway's counters."),
    "log": Verb("Look", "ledger.reading", "List the latest events."),
    "show": Verb("Look", "ledger.reading", "Show one event, whole, with its place in the tree."),
    "checkpoint": Verb("Prove", "ledger.proving", "Have the ledger signed now, and print the note."),
    "prove": Verb("Prove", "ledger.proving", "Print the proof of one record, to be checked offline."),
    "tiles": Verb("Prove", "ledger.proving", "Export the ledger as a static transparency log (tlog-tiles)."),
    "trust": Verb("Anchor", "ledger.trust", "Write what an auditor carries off, to verify against later."),
    "anchor": Verb("Anchor", "ledger.anchoring", "Have every declared anchor see the ledger now."),
    "anchors": Verb("Anchor", "ledger.anchoring", "List what anchors have seen, and what they have not."),
    "rotate-key": Verb("Anchor", "ledger.trust", "Give the ledger another key; both sign the change."),
    "roles": Verb("Keep", "ledger.roles", "Take apart who owns, appends, signs, keeps and reads a ledger on Postgres."),
    "backup": Verb("Keep", "ledger.copies", "Write a backup of the ledger: a ledger of its own."),
    "restore": Verb("Keep", "ledger.copies", "Put a backup in the place of the ledger; what is lost is recorded."),
    "erase": Verb("Keep", "ledger.keeping", "Erase what is kept of somebody; every proof still holds."),
    "prune": Verb("Keep", "ledger.retention", "Take away the bytes of records whose retention has passed."),
    "hold": Verb("Keep", "ledger.keeping", "Place, release and list legal holds."),
}


@click.group(cls=VerbGroup, verbs=VERBS)
def ledger() -> None:
    """Verify, read, sign, prove, anchor and keep the ledger: the log of everything that happened to models, data and people."""
