"""`lifecycle revoke`: what was allowed is taken back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from lifecycle.cli import render
from lifecycle.cli.options import MOMENT, STANDING_FILE, in_us, require_both


@click.command(short_help="Take back a version, an approval or a key.")
@click.argument("what", metavar="VERSION|APPROVAL|KEY")
@click.option("--reason", required=True, metavar="TEXT", help="Why; it is signed with the rest and stands in the ledger.")
@click.option("--as", "person", metavar="ID", help="Who signs. Only in the environment `local` nobody has to.")
@click.option("--key", type=STANDING_FILE, help="Their private key.")
@click.option(
    "--since",
    type=MOMENT,
    help="Of a key: since when it may have been in other hands (UTC). What was deployed with what it signed since is taken out.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was recorded, and what may serve no more, as JSON.")
def revoke(what: str, reason: str, person: str | None, key: Path | None, since: datetime | None, as_json: bool) -> None:
    """Take back a VERSION (such as credit:7), an APPROVAL or waiver (the digest of its statement, or the id of its record), or a KEY
    (its id). It can't be undone. A gateway takes out what may serve no more within seconds, and goes back to what may.

    A version: by the role `risk` or `governor`, or the model's owner. An approval: by them, or whoever gave it; what was deployed
    with it goes. A key: by whoever has it, or the role `governor`; it signs no more, and what it signed and nothing has used yet is
    void, but what was deployed with it stays unless --since says that it was in other hands. Ends with 3 for whoever may not.
    """
    from lifecycle.life.overview import gateway_status
    from lifecycle.life.revocation import revoke as take_back
    from lifecycle.life.withdrawn import withdrawals_of
    from lifecycle.wiring import Departments

    require_both(person, key, "A revocation is signed")
    departments = Departments.here()
    since_us = None if since is None else in_us(since)
    recorded = take_back(departments, what, reason=reason, person=person, key_file=key, since_us=since_us)
    out = list(withdrawals_of(departments.ledger, recorded, departments.environment))
    if as_json:
        gone = [{"model": one.model, "version": one.version, "decision": one.decision_id} for one in out]
        render.as_json({"record": recorded.as_json(), "may_serve_no_more": gone})
        return
    render.line(f"{what} is taken back in {departments.environment}, record {recorded.index}.")
    for one in out:
        under = "" if one.decision_id is None else f" under decision {one.decision_id}"
        render.line(f"{one.model}:{one.version} may serve no more{under}.")
    if out and not gateway_status(departments).running:
        render.note("No gateway runs here: one that starts takes it out.")
    elif out:
        render.note("The gateway takes it out within seconds: lifecycle gateway status")
