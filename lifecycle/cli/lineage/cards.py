"""`lifecycle lineage card` and `croissant`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lifecycle.cli import render
from lifecycle.errors import LifecycleError

if TYPE_CHECKING:
    from lifecycle.wiring import Departments

_OUT = click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="A folder to write to; standard output without it.")


@click.command(short_help="Write the model card of one version.")
@click.argument("version")
@_OUT
def card(version: str, out: Path | None) -> None:
    """Write the model card of VERSION (such as credit:7) in the Hugging Face format, from the ledger.

    Metrics with their intervals, groups, data, known limits, decisions, approvals and where it served, each with the record that says
    so. The one sentence that the ledger does not hold is the declaration's description, and the card says so.
    """
    from lifecycle.life.gates.standing import parse_version
    from lifecycle.lineage.cards.model_card import model_card

    model, number = parse_version(version)
    departments = _departments()
    content = model_card(departments.ledger, departments.artifacts, model, number, description=_description(departments, model))
    _hand_out(out, {f"{model}-{number}.md": content})


@click.command(short_help="Describe a model's data as Croissant.")
@click.argument("model")
@click.option("--dataset", metavar="DIGEST", help="One dataset version; the newest without it.")
@click.option("--with-rows", is_flag=True, help="Write the rows beside the description, as Parquet. Needs --out.")
@_OUT
def croissant(model: str, dataset: str | None, with_rows: bool, out: Path | None) -> None:
    """Describe the data of MODEL as Croissant 1.0 (JSON-LD with the RAI vocabulary), from the ledger.

    The description names the rows as dataset.parquet beside it, under their digest, so that a reader checks what it loads.
    """
    from lifecycle.lineage.cards.croissant import croissant as describe
    from lifecycle.lineage.cards.croissant import rows_of

    if with_rows and out is None:
        raise click.UsageError("--with-rows needs --out: rows are not for a terminal.")
    departments = _departments()
    files = {f"{model}-croissant.json": describe(departments.ledger, departments.artifacts, model, dataset)}
    if with_rows:
        files["dataset.parquet"] = rows_of(departments.ledger, departments.artifacts, model, dataset)
    _hand_out(out, files)


def _hand_out(out: Path | None, files: dict[str, bytes]) -> None:
    from lifecycle.life.lineage import write_files

    if out is None:
        for content in files.values():
            click.echo(content.decode(), nl=not content.endswith(b"\n"))
        return
    for path in write_files(out, files):
        render.line(str(path))


def _description(departments: Departments, model: str) -> str | None:
    """What the project says of the model today; None where it declares none of this name, or nothing that loads."""
    try:
        return departments.model(model).description
    except LifecycleError:
        return None


def _departments() -> Departments:
    from lifecycle.wiring import Departments

    return Departments.here(make=False)
