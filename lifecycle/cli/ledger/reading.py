"""`lifecycle ledger log` and `show`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from lifecycle.cli import render
from lifecycle.errors import UnknownName
from lifecycle.records.counted import counted

if TYPE_CHECKING:
    from lifecycle.ledger.looking import LookingLedger
    from lifecycle.records.events import Recorded


@click.command()
@click.option("--model", help="Only what happened to this model.")
@click.option("--type", "types", multiple=True, help="Only events of this type, such as DecisionMade. May be given several times.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many of the latest.")
@click.option("--json", "as_json", is_flag=True, help="Print the events as JSON.")
def log(model: str | None, types: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List the latest events, the newest last."""
    from lifecycle.records.bodies import BODIES

    unknown = [name for name in types if name not in BODIES]
    if unknown:
        raise UnknownName(f"{unknown[0]!r} is not a type of event.", f"The types are {', '.join(BODIES)}.")
    with _looked_at() as ledger_here:
        latest = ledger_here.events(types=types or None, name=model, newest_first=True, limit=limit)[::-1]
    if as_json:
        render.as_json([recorded.as_json() for recorded in latest])
        return
    rows = [
        (
            recorded.index,
            render.moment(event.occurred_at_us),
            event.type,
            _outcome(recorded),
            str(event.subject),
            event.actor.id,
            event.environment,
        )
        for recorded in latest
        for event in (recorded.event,)
    ]
    render.table(("index", "when", "what", "outcome", "to", "by", "environment"), rows, empty="The ledger holds no such event.")


@click.command()
@click.argument("record", metavar="INDEX|EVENT_ID")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def show(record: str, as_json: bool) -> None:
    """Show one event, whole, with its place in the tree."""
    with _looked_at() as ledger_here:
        found = _recorded(ledger_here, record)
        stored = ledger_here.stored(found.index)
        signed = _signed_size(ledger_here)
    if as_json:
        render.as_json(found.as_json())
        return
    from lifecycle.proofs.merkle import leaf_hash

    event = found.event
    covered = f"signed: a ledger checkpoint of {counted(signed, 'record')} covers it" if signed > found.index else "not signed yet"
    render.line(f"Record {found.index}  {event.type} of {event.subject} in {event.environment}, {render.moment(event.occurred_at_us)}")
    render.line(f"leaf {leaf_hash(stored).hex()} over {len(stored)} bytes, {covered}")
    render.line(json.dumps(event.as_json(), indent=2, ensure_ascii=False))


def _looked_at() -> LookingLedger:
    """The ledger of the home for who only looks; no Ledger, which takes longer to import than to read."""
    from lifecycle.ledger.looking import LookingLedger
    from lifecycle.wiring import Departments

    settings = Departments.here().settings
    return LookingLedger(settings.ledger_url, origin=settings.origin)


def _recorded(ledger_here: LookingLedger, record: str) -> Recorded:
    if not record.isdigit():
        return ledger_here.event(record)
    ledger_here.stored(int(record))
    return ledger_here.events(since=int(record), limit=1)[0]


def _signed_size(ledger_here: LookingLedger) -> int:
    from lifecycle.proofs.notes import Checkpoint

    note = ledger_here.checkpoint()
    return 0 if note is None else Checkpoint.parse(note).size


def _outcome(recorded: Recorded) -> str | None:
    """What a person wants to see beside the type: how a decision went."""
    from lifecycle.records.bodies import DecisionMade

    body = recorded.event.body
    return body.decision.result.outcome if isinstance(body, DecisionMade) else None
