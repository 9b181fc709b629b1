"""`lifecycle lineage show`."""

from __future__ import annotations

from typing import Any

import click

from lifecycle.cli import render


@click.command(short_help="Show the life of one version as a tree.")
@click.argument("version")
@click.option("--json", "as_json", is_flag=True, help="Print the tree and the graph as JSON.")
def show(version: str, as_json: bool) -> None:
    """Show the life of VERSION (such as credit:7) as a tree, from the ledger.

    Every line ends with the ledger index of the event that says so: `lifecycle ledger show INDEX` prints it.
    """
    from lifecycle.life.gates.standing import parse_version
    from lifecycle.lineage.completeness import missing_lineage
    from lifecycle.lineage.export import lineage_of
    from lifecycle.lineage.outline import outline_of
    from lifecycle.lineage.states import states_of
    from lifecycle.lineage.tree import tree_of
    from lifecycle.wiring import Departments

    model, number = parse_version(version)
    lineage = lineage_of(Departments.here(make=False).ledger, model, number, answers=False)
    states = states_of(lineage.recorded, model, number)
    outline = outline_of(lineage.graph, model, number, states)
    missing = missing_lineage(lineage.graph, model, number)
    if as_json:
        answer: dict[str, Any] = {
            **render.version_fields(model, number),
            "digest": outline.digest,
            "states": states,
            "missing": list(missing),
        }
        answer |= {"ledger": lineage.stamp, "life": outline.as_json()}
        render.as_json(answer | {"graph": lineage.graph.as_json()})
        return
    render.show(tree_of(outline))
    for what in missing:
        render.note(f"Not accounted for: {what}.")
