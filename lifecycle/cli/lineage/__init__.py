"""`lifecycle lineage`: which verbs it has, and where each one lives."""

from __future__ import annotations

import click

from lifecycle.cli.verbs import Verb, VerbGroup

VERBS: dict[str, Verb] = {
    "show": Verb("Look", "lineage.showing", "Show the life of one version as a tree."),
    "export": Verb("Hand on", "lineage.exporting", "Write the lineage in a format that other tools read."),
    "send": Verb("Hand on", "lineage.sending", "Send OpenLineage events to a receiver, each once."),
    "package": Verb("Hand on", "lineage.packages", "Write a version's files with their signature."),
    "card": Verb("Describe", "lineage.cards", "Write the model card of one version."),
    "croissant": Verb("Describe", "lineage.cards", "Describe a model's data as Croissant."),
}


@click.group(cls=VerbGroup, verbs=VERBS)
def lineage() -> None:
    """Show, describe or hand on what a version came from: its data, training, evidence, decisions, approvals and rollouts."""
