"""`lifecycle break-glass` and `lifecycle review`: what an emergency permits, and what is owed for it afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import click

from lifecycle.cli import render
from lifecycle.cli.options import STANDING_FILE
from lifecycle.cli.waive import next_of_waived


def _signer(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(
        (
            click.option("--as", "person", required=True, metavar="ID", help="Who signs: an enrolled person."),
            click.option("--key", required=True, type=STANDING_FILE, help="Their private key."),
            click.option("--reason", required=True, metavar="TEXT", help="Why; it is signed with the rest and stands in the ledger."),
            click.option("--json", "as_json", is_flag=True, help="Print what was recorded as JSON."),
        )
    ):
        command = option(command)
    return command


@click.command(name="break-glass", short_help="In an emergency, let a version past all rules that may be broken.")
@click.argument("version", metavar="VERSION")
@_signer
@click.option("--ticket", default="", metavar="TEXT", help="The incident; the first who signs names it.")
@click.option("--hours", default=4.0, show_default=True, type=click.FloatRange(min=0.05), help="When it ends; the first who signs says it.")
def break_glass(version: str, person: str, key: Path, reason: str, as_json: bool, ticket: str, hours: float) -> None:
    """Sign, in your own name, that VERSION (such as credit:7) may pass in an emergency in spite of every rule that may be broken.

    The glass is broken once two people of the role `risk` have signed who had no part in the work; it is whole again after
    --hours, and somebody else must review it: `lifecycle status` says by when. Signatures, digests, lineage, leakage, formats,
    approvals and the separation of duties stand in every emergency. Ends with 3 where the gate denies it.
    """
    from lifecycle.life.gates.asking import require_allowed
    from lifecycle.life.gates.standing import parse_version
    from lifecycle.life.people.waiving import sign_waiver
    from lifecycle.records.gates import BREAK_GLASS
    from lifecycle.wiring import Departments

    model, number = parse_version(version)
    outcome = sign_waiver(
        Departments.here(), model, number, rule=BREAK_GLASS, person=person, key_file=key, reason=reason, ticket=ticket, hours=hours
    )
    result = outcome.decision.result
    if result.outcome == "deny":
        require_allowed(outcome.decision, f"Breaking the glass for {version}")
    due = [obligation.deadline_us for obligation in result.obligations if result.allow]
    if as_json:
        told = {
            **render.version_fields(model, number),
            "broken": result.allow,
            "outcome": result.outcome,
            "signed_by": list(outcome.signed_by),
        }
        judged = {"promotion": None if outcome.judged_again is None else outcome.judged_again.result.outcome}
        ends = {"expires_at_us": outcome.statement.expires_at_us, "review_by_us": min(due, default=None)}
        render.as_json(told | judged | {"decision": outcome.decision.id} | ends)
        return
    until = render.moment(outcome.statement.expires_at_us)
    if result.allow:
        render.line(f"The glass is broken for {version}, by {' and '.join(outcome.signed_by)}, until {until}.")
        render.note(f"Next: {next_of_waived(version, outcome.judged_again)}")
        render.note(f"Somebody else must review it until {render.moment(min(due))}: `lifecycle status`.")
        return
    render.line(f"{', '.join(outcome.signed_by)} would break the glass for {version} until {until}.")
    render.note(f"It waits for another person. Next: lifecycle break-glass {version} --as ID --key FILE --reason TEXT")


@click.command(short_help="Sign what you found who looked at a broken glass or a rollback.")
@click.argument("event", metavar="EVENT")
@_signer
@click.option(
    "--verdict",
    type=click.Choice(["justified", "not-justified"]),
    default="justified",
    show_default=True,
    help="Whether it had to be.",
)
def review(event: str, person: str, key: Path, reason: str, as_json: bool, verdict: str) -> None:
    """Sign, in your own name, that you looked at EVENT, a broken glass or a rollback, and whether it had to be.

    `lifecycle status` lists what waits for a review. Nobody reviews what they did, signed or had a part in; a broken glass takes the
    role `risk`, a rollback `risk` or `operator`. It undoes nothing: what was not justified is for a rollback or a revocation.
    """
    from lifecycle.life.people.reviewing import sign_review
    from lifecycle.wiring import Departments

    said: Literal["justified", "not_justified"] = "justified" if verdict == "justified" else "not_justified"
    recorded = sign_review(Departments.here(), event, person=person, key_file=key, verdict=said, reason=reason)
    subject = recorded.event.subject
    if as_json:
        named = render.version_fields(subject.name, subject.version or 0)
        render.as_json({**named, "reviewed": event, "verdict": said, "by": person, "event": recorded.event.id, "index": recorded.index})
        return
    render.line(f"{person} reviewed {event} of {subject.name}:{subject.version}: {verdict.replace('-', ' ')} (record {recorded.index}).")
