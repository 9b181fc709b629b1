"""`lifecycle policy`: which verbs it has, and where each one lives."""

from __future__ import annotations

import click

from lifecycle.cli.verbs import Verb, VerbGroup

VERBS: dict[str, Verb] = {
    "test": Verb("Write", "policy.rules", "Check the policies."),
    "show": Verb("Write", "policy.rules", "Show the rules of the gates."),
    "limits": Verb("Write", "policy.rules", "Show the limits in force."),
    "diff": Verb("Write", "policy.bundles", "Show what differs between two bundles."),
    "build": Verb("Ship", "policy.bundles", "Write the bundle, signed, for OPA servers and the embedded engine."),
    "sign": Verb("Ship", "policy.bundles", "Sign a bundle that was built."),
    "push": Verb("Ship", "policy.bundles", "Put a signed bundle where OPA servers fetch it, and wait until one runs it."),
    "explain": Verb("Look back", "policy.decisions", "Say why a decision went as it did."),
    "replay": Verb("Look back", "policy.decisions", "Take past decisions again, and compare."),
    "logs": Verb("Look back", "policy.logs", "Hold an OPA server's decision log against the ledger."),
    "backtest": Verb("Look back", "policy.decisions", "Show what a draft policy would have decided."),
}


@click.group(cls=VerbGroup, verbs=VERBS)
def policy() -> None:
    """Check, show and build the policies; say why a decision went as it did, take it again, and try a draft on history."""
