"""`lifecycle lineage send`."""

from __future__ import annotations

import click

from lifecycle.cli import render
from lifecycle.records.counted import counted


@click.command(short_help="Send OpenLineage events to a receiver, each once.")
@click.option("--url", help="The receiver; LIFECYCLE_OPENLINEAGE_URL without it. /api/v1/lineage is added to an address without a path.")
@click.option("--from", "since", type=click.IntRange(min=0), metavar="INDEX", help="Send everything from this record on once more.")
@click.option("--json", "as_json", is_flag=True, help="Print what was sent as JSON.")
@click.pass_context
def send(ctx: click.Context, url: str | None, since: int | None, as_json: bool) -> None:
    """Tell a receiver of OpenLineage (such as Marquez) what it does not know yet of what is in the ledger.

    How far it was told is kept in the home, so that each run event is sent once, in ledger order; a receiver that is down is tried
    again, and the next call goes on from there. What it refuses is named, and the others are sent. Ends with 1 where something was
    refused, with 5 where the receiver was not reached.
    """
    from lifecycle.life.sending import send_lineage
    from lifecycle.wiring import Departments

    sent = send_lineage(Departments.here(make=False), url=url, since=since)
    if as_json:
        refused = [one.as_json() for one in sent.refused]
        told = {"url": sent.url, "accepted": sent.accepted, "refused": refused, "next_index": sent.next_index, "size": sent.size}
        render.as_json({**told, "waiting": sent.waiting})
    else:
        records = counted(sent.size, "record")
        knows = f"the first {sent.next_index:,} of {records}" if sent.waiting else f"all of the ledger, {records}"
        render.line(f"{sent.url} took {counted(sent.accepted, 'run event')}; it knows {knows}.")
        for one in sent.refused:
            render.line(f"  refused: {one.event_type} of record {one.index}, HTTP {one.status} {one.says}")
    if sent.refused:
        ctx.exit(1)
