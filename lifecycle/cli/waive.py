"""`lifecycle waive`: two people let a version past one rule, for a time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lifecycle.cli import render
from lifecycle.cli.options import STANDING_FILE

if TYPE_CHECKING:
    from lifecycle.records.gates import Decision


@click.command(short_help="Sign that a version may pass in spite of one rule, for a time.")
@click.argument("version")
@click.option("--rule", required=True, metavar="RULE", help="The rule, such as PRM-009; `lifecycle policy show` says which may be waived.")
@click.option("--as", "person", required=True, metavar="ID", help="Who signs.")
@click.option("--key", required=True, type=STANDING_FILE, help="Their private key.")
@click.option("--reason", required=True, metavar="TEXT", help="Why the risk is accepted; stands in the ledger.")
@click.option("--ticket", default="", metavar="TEXT", help="Where the risk is accepted; the first who signs names it.")
@click.option("--days", default=14.0, show_default=True, type=click.FloatRange(min=0.05), help="When it ends; the first who signs says it.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def waive(version: str, rule: str, person: str, key: Path, reason: str, ticket: str, days: float, as_json: bool) -> None:
    """Sign, in your own name, that VERSION (such as credit:7) may pass in spite of RULE until the waiver ends.

    It counts once two people of the role `risk` have signed who had no part in the work, and the gate `waiver` allows it.
    Signatures, lineage, leakage, formats and approvals are never waived. Ends with 3 where the gate denies it.
    """
    from lifecycle.life.gates.asking import require_allowed
    from lifecycle.life.gates.standing import parse_version
    from lifecycle.life.people.waiving import sign_waiver
    from lifecycle.wiring import Departments

    model, number = parse_version(version)
    outcome = sign_waiver(
        Departments.here(), model, number, rule=rule, person=person, key_file=key, reason=reason, ticket=ticket, hours=days * 24
    )
    result = outcome.decision.result
    if result.outcome == "deny":
        require_allowed(outcome.decision, f"The waiver of {rule} for {version}")
    if as_json:
        told = {**render.version_fields(model, number), "rule": rule, "outcome": result.outcome, "signed_by": list(outcome.signed_by)}
        judged = {"promotion": None if outcome.judged_again is None else outcome.judged_again.result.outcome}
        render.as_json(told | judged | {"decision": outcome.decision.id, "expires_at_us": outcome.statement.expires_at_us})
        return
    until = render.moment(outcome.statement.expires_at_us)
    render.line(f"{rule} of {version}, signed by {', '.join(outcome.signed_by)}, until {until}: {result.outcome.replace('_', ' ')}")
    if result.outcome == "needs_approval":
        render.note(f"It waits for another person. Next: lifecycle waive {version} --rule {rule} --as ID --key FILE --reason TEXT")
    if outcome.judged_again is not None:
        render.note(f"Next: {next_of_waived(version, outcome.judged_again)}")


def next_of_waived(version: str, judged: Decision | None) -> str:
    """What is to be done with a version that may pass in spite of a rule, by what the promotion gate says to it now, if it was asked."""
    if judged is None or judged.allowed:
        return f"lifecycle deploy {version}"
    if judged.result.outcome == "needs_approval":
        return f"lifecycle approve {version} --as ID --key FILE --reason TEXT"
    rules = ", ".join(dict.fromkeys(found.rule for found in judged.result.violations))
    return f"{version} is denied still, by {rules}: lifecycle policy explain {judged.id}"
