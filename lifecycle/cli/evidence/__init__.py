"""`lifecycle evidence`: which verbs it has, and where each one lives."""

from __future__ import annotations

import click

from lifecycle.cli.verbs import Verb, VerbGroup

VERBS: dict[str, Verb] = {
    "pack": Verb(
        "For the auditor", "evidence.packing", "Write one file that proves a version, or a period, to somebody who trusts nobody here."
    ),
    "coverage": Verb("Clauses", "evidence.coverage", "Show which clauses the ledger holds evidence for, and which are gaps."),
    "oscal": Verb("Clauses", "evidence.oscal", "Write the coverage as OSCAL assessment results, with the leaves and their proofs."),
}


@click.group(cls=VerbGroup, verbs=VERBS)
def evidence() -> None:
    """Pack the evidence on a version for somebody who trusts nobody here, and show which clauses it speaks to."""
