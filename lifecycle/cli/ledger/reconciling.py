"""`lifecycle ledger reconcile`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lifecycle.cli import render
from lifecycle.errors import Tampered
from lifecycle.records.counted import counted

if TYPE_CHECKING:
    from lifecycle.life.reconciling.reconciled import Reconciliation
    from lifecycle.life.reconciling.runs_seen import History
    from lifecycle.wiring import Departments


@click.command(short_help="Hold the ledger against Dagster's history and the gateway's counters.")
@click.option(
    "--dagster-home", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Another Dagster home than the one in this home."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def reconcile(ctx: click.Context, dagster_home: Path | None, as_json: bool) -> None:
    """Hold the ledger against Dagster's history and the gateway's counters.

    Ends with 4 where two accounts contradict each other: a materialization or a check that Dagster shows and no record stands for, a
    successful run that the ledger holds nothing of, rows or refusals that the gateway counted and its log lacks, a segment or a place
    in a stream that is missing. Only numbers and counts are compared: whether a sealed segment's rows were edited, `lifecycle ledger
    verify` says. What Dagster has lost is told, and is no contradiction: the ledger is the truth.
    """
    from lifecycle.life.reconciling.reconciliation import reconcile as hold_against
    from lifecycle.wiring import Departments

    departments = Departments.here(make=False)
    result = hold_against(departments, _history(departments, dagster_home))
    if as_json:
        render.as_json(_as_json(result))
    else:
        _show(result)
    if not result.ok:
        ctx.exit(Tampered.exit_code)


def _history(departments: Departments, elsewhere: Path | None) -> History | None:
    """What Dagster shows; None where it has never run in this home."""
    folder = elsewhere or departments.settings.home / "dagster"
    if not (folder / "dagster.yaml").is_file():
        return None
    from lifecycle.history import read_history
    from lifecycle.launching import instance_at

    with instance_at(folder) as opened:
        return read_history(opened, str(folder))


def _as_json(result: Reconciliation) -> dict[str, Any]:
    return {
        "ok": result.ok,
        "size": result.size,
        "looked_at": result.looked_at,
        "contradictions": [
            {"source": one.source, "kind": one.kind, "what": one.what, "run_id": one.run_id, "index": one.index, "at_us": one.at_us}
            for one in result.contradictions
        ],
        "told": [{"source": one.source, "what": one.what, "at_us": one.at_us} for one in result.told],
    }


def _show(result: Reconciliation) -> None:
    looked = ", ".join(f"{what.replace('_', ' ')}: {count}" for what, count in result.looked_at.items())
    size = counted(result.size, "record")
    render.line(f"The ledger ({size}) was held against the other accounts of it. {looked[0].upper()}{looked[1:]}.")
    rows = [(_when(one.at_us), one.source, f"{one.what}.") for one in result.contradictions]
    render.table(("when", "account", "contradiction"), rows, empty="No number and no count contradicts it.")
    render.line("What the rows of a sealed segment say was not read: `lifecycle ledger verify` holds them against their seals.")
    if result.told:
        render.table(("when", "account", "told, and not wrong"), [(_when(one.at_us), one.source, f"{one.what}.") for one in result.told])
    if not result.ok:
        render.line("Next: believe the ledger only as far as `lifecycle ledger verify` does, and find out who wrote the other account.")


def _when(at_us: int | None) -> str | None:
    return None if at_us is None else render.moment(at_us)
