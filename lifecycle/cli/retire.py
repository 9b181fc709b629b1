"""`lifecycle retire`: a version is over."""

from __future__ import annotations

import click

from lifecycle.cli import render


@click.command(short_help="Record that a version is over.")
@click.argument("version")
@click.option("--reason", required=True, metavar="TEXT", help="Why; stands in the ledger.")
@click.option("--json", "as_json", is_flag=True, help="Print the record as JSON.")
def retire(version: str, reason: str, as_json: bool) -> None:
    """Record that VERSION (such as credit:7) is over in this environment, for good.

    Only what was superseded, rolled back, denied or revoked, or has expired, can be retired. What is retired everywhere may be
    pruned once its retention has passed (`lifecycle ledger prune`).
    """
    from lifecycle.life.gates.standing import parse_version
    from lifecycle.life.retirement import retire_version
    from lifecycle.wiring import Departments

    model, number = parse_version(version)
    departments = Departments.here()
    recorded = retire_version(departments, model, number, reason=reason)
    if as_json:
        render.as_json(recorded.as_json())
        return
    render.line(f"{version} is retired in {departments.environment}, record {recorded.index}.")
