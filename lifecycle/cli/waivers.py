"""`lifecycle waivers`: what is let past a rule here, by whom, and until when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lifecycle.cli import render

if TYPE_CHECKING:
    from lifecycle.life.people.asked_waivers import AskedWaiver


@click.command(short_help="List the waivers that count, and those that wait for another signature.")
@click.argument("version", required=False)
@click.option("--all", "everything", is_flag=True, help="Also those that were denied, are over, or count no more.")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def waivers(version: str | None, everything: bool, as_json: bool) -> None:
    """List the waivers that count here now, and those that wait for another signature: of VERSION (such as credit:7), or of all.

    A broken glass is a waiver of every rule that may be broken. One whose signatures do not verify any more (a revoked key, a person
    who left the role) counts no more, and is listed with --all as `void`.
    """
    from lifecycle.life.gates.standing import parse_version, trained
    from lifecycle.life.people.asked_waivers import asked_waivers, every_asked_waiver
    from lifecycle.wiring import Departments

    departments = Departments.here(make=False)
    if version is None:
        found = tuple(every_asked_waiver(departments, ended=everything))
    else:
        model, number = parse_version(version)
        trained(departments, model, number)
        found = asked_waivers(departments, model, number)
    shown = [one for one in found if everything or one.standing in ("in force", "open")]
    if as_json:
        render.as_json([_as_json(one) for one in shown])
        return
    render.table(
        ("version", "rule", "stands", "until", "signed by", "ticket"),
        [(one.name, one.rule, one.standing, render.moment(one.expires_at_us), ", ".join(one.signers), one.ticket) for one in shown],
        empty="No waiver counts here, and none waits for a signature." if not everything else "No waiver was ever asked for here.",
    )
    for one in shown:
        if one.standing == "open":
            render.note(f"{one.rule} of {one.name} waits for another person. Next: {_signing(one)}")


def _signing(one: AskedWaiver) -> str:
    from lifecycle.records.gates import BREAK_GLASS

    verb = f"break-glass {one.name}" if one.rule == BREAK_GLASS else f"waive {one.name} --rule {one.rule}"
    return f"lifecycle {verb} --as ID --key FILE --reason TEXT"


def _as_json(one: AskedWaiver) -> dict[str, Any]:
    return {
        **render.version_fields(one.model, one.version),
        "waiver": one.waiver_id,
        "rule": one.rule,
        "stands": one.standing.replace(" ", "_"),
        "ticket": one.ticket,
        "signed_by": list(one.signers),
        "expires_at_us": one.expires_at_us,
    }
