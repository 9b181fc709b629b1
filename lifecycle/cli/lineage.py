"""`lifecycle lineage`: what a version came from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lifecycle.cli import render
from lifecycle.errors import InvalidDeclaration, Unavailable

if TYPE_CHECKING:
    from lifecycle.records.events import Recorded
    from lifecycle.wiring import Departments


@click.group()
def lineage() -> None:
    """Show or export what a version came from: its data, training, evidence, decisions, approvals and rollouts."""


@lineage.command(short_help="Show the life of one version as a tree.")
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


@lineage.command(short_help="Write the lineage in a format that other tools read.")
@click.option("--format", "form", type=click.Choice(["openlineage", "prov"]), required=True, help="OpenLineage events or W3C PROV-JSON.")
@click.option("--model", help="One model only.")
@click.option("--version", "number", type=click.IntRange(min=1), help="One version of that model only.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="A folder to write to; standard output without it.")
def export(form: str, model: str | None, number: int | None, out: Path | None) -> None:
    """Write the lineage as OpenLineage events (one a line) or as one W3C PROV-JSON document.

    The same ledger gives the same bytes. Every record carries its ledger index, and the newest ledger checkpoint is in the export.
    """
    from lifecycle.lineage.export import export as export_of

    if number is not None and model is None:
        raise InvalidDeclaration("--version needs --model.", f"Name the model as well: --model credit --version {number}.")
    files = export_of(_departments().ledger, form, model=model, version=number)
    if out is None:
        for content in files.values():
            click.echo(content.decode(), nl=not content.endswith(b"\n"))
        return
    for name, content in files.items():
        try:
            out.mkdir(parents=True, exist_ok=True)
            (out / name).write_bytes(content)
        except OSError as error:
            raise Unavailable(f"{out / name} can't be written: {error.strerror}.", "Choose a folder that you can write.") from error
        render.line(str(out / name))


def _states(recorded: list[Recorded], model: str, version: int) -> dict[str, str]:
    """The state of a version in every environment in which something happened to it."""
    from lifecycle.records.states import fold

    environments = sorted({one.event.environment for one in recorded if one.event.subject.version == version})
    folded = {environment: fold((one.event for one in recorded), environment) for environment in environments}
    return {environment: states[model, version] for environment, states in folded.items() if (model, version) in states}


def _departments() -> Departments:
    from lifecycle.wiring import Departments

    return Departments.here(make=False)
