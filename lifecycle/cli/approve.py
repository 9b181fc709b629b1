"""`lifecycle approve` and `lifecycle reject`: sign what the promotion gate asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import click

from lifecycle.cli import render


def _signing_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(
        (
            click.argument("version", metavar="VERSION"),
            click.option("--as", "person", required=True, metavar="ID", help="Who signs: an enrolled person."),
            click.option(
                "--key", "key", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Their private key (mode 0600)."
            ),
            click.option("--reason", required=True, help="What convinced you, or what did not. It is signed with the rest."),
            click.option("--json", "as_json", is_flag=True, help="Print what was recorded as JSON."),
        )
    ):
        command = option(command)
    return command


@click.command(short_help="Sign that a version may be promoted.")
@_signing_options
def approve(version: str, person: str, key: Path, reason: str, as_json: bool) -> None:
    """Sign that VERSION (such as credit:7) may be deployed here: exactly its bytes, under the policies in force.

    Nobody approves their own work; an attempt is refused with the rule that bars it, and recorded.
    """
    _sign("approve", version, person, key, reason, as_json)


@click.command(short_help="Sign that a version may not be promoted.")
@_signing_options
def reject(version: str, person: str, key: Path, reason: str, as_json: bool) -> None:
    """Sign that VERSION (such as credit:7) may not be deployed here. A new candidate has to be trained."""
    _sign("reject", version, person, key, reason, as_json)


def _sign(decision: Literal["approve", "reject"], version: str, person: str, key: Path, reason: str, as_json: bool) -> None:
    from lifecycle.life.gates.standing import parse_version
    from lifecycle.life.people.approval import approve_version
    from lifecycle.wiring import Departments

    model, number = parse_version(version)
    outcome = approve_version(Departments.here(), model, number, person=person, key_file=key, reason=reason, decision=decision)
    missing = [(need.role, need.count - need.given) for need in outcome.required if need.given < need.count]
    if as_json:
        render.as_json(
            {
                **render.version_fields(model, number),
                "decision": decision,
                "approver": person,
                "event": outcome.recorded.event.id,
                "index": outcome.recorded.index,
                "statement": outcome.statement.content_digest(),
                "outcome": outcome.outcome,
                "missing": [{"role": role, "count": count} for role, count in missing],
            }
        )
        return
    render.line(f"{person} {'approved' if decision == 'approve' else 'rejected'} {model}:{number} (record {outcome.recorded.index}).")
    if decision == "reject":
        render.line("It is denied; train a new candidate.")
    elif missing:
        render.line(f"It still waits for {', '.join(f'{count} of role {role}' for role, count in missing)}.")
    else:
        render.line(f"It can be deployed: `lifecycle deploy {model}:{number}`, or the sensor of Dagster does.")
