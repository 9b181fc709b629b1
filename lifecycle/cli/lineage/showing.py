"""`lifecycle lineage show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lifecycle.cli import render

if TYPE_CHECKING:
    from lifecycle.records.events import Recorded
    from lifecycle.wiring import Departments


@click.command(short_help="Show the life of one version as a tree.")
@click.argument("version")
@click.option("--json", "as_json", is_flag=True, help="Print the tree and the graph as JSON.")
def show(version: str, as_json: bool) -> None:
    """Show the life of VERSION (such as credit:7) as a tree, from the ledger.

    Every line ends with the ledger index of the event that says so: `lifecycle ledger show INDEX` prints it.
    """
    from lifecycle.life.standing import parse_version
    from lifecycle.lineage.completeness import missing_lineage
    from lifecycle.lineage.export import stamp_of
    from lifecycle.lineage.outline import outline_of
    from lifecycle.lineage.reading import read_graph
    from lifecycle.lineage.tree import tree_of

    model, number = parse_version(version)
    departments = _departments()
    recorded = departments.ledger.events(name=model)
    graph = read_graph(recorded)
    states = _states(recorded, model, number)
    outline = outline_of(graph, model, number, states)
    missing = missing_lineage(graph, model, number)
    if as_json:
        answer: dict[str, Any] = {
            **render.version_fields(model, number),
            "digest": outline.digest,
            "states": states,
            "missing": list(missing),
        }
        answer |= {"ledger": stamp_of(departments.ledger), "life": outline.as_json()}
        render.as_json(answer | {"graph": graph.around(f"version/{model}:{number}").as_json()})
        return
    render.show(tree_of(outline))
    for what in missing:
        render.note(f"Not accounted for: {what}.")


def _states(recorded: list[Recorded], model: str, version: int) -> dict[str, str]:
    """The state of a version in every environment in which something happened to it."""
    from lifecycle.records.states import fold

    environments = sorted({one.event.environment for one in recorded if one.event.subject.version == version})
    folded = {environment: fold((one.event for one in recorded), environment) for environment in environments}
    return {environment: states[model, version] for environment, states in folded.items() if (model, version) in states}


def _departments() -> Departments:
    from lifecycle.wiring import Departments

    return Departments.here(make=False)
