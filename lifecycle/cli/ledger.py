"""`lifecycle ledger`: verify, read, sign and prove the ledger."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lifecycle.cli import render
from lifecycle.errors import Tampered, UnknownName

if TYPE_CHECKING:
    from lifecycle.ledger.findings import Verification
    from lifecycle.ledger.ledger import Ledger
    from lifecycle.ledger.looking import LookingLedger
    from lifecycle.proofs.notes import VerifierKey
    from lifecycle.records.events import Recorded
    from lifecycle.wiring import Departments

_LEVELS = {
    "none": "reached no level: it does not even agree with itself",
    "L0": "self-consistent; no signature of the log covers it",
    "L1": "signed by the log. Against whoever holds the log's key this proves nothing: keep a ledger checkpoint elsewhere, "
    "and pass it with --checkpoint",
    "L2": "goes on from the ledger checkpoint that you held",
}


@click.group()
def ledger() -> None:
    """Verify, read, sign and prove the ledger: the log of everything that happened to models, data and people."""


@ledger.command(short_help="Check every record, the tree, every signature and state.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option(
    "--checkpoint", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A ledger checkpoint that you kept elsewhere."
)
@click.option("--url", help="Another ledger's database than this home's.")
@click.option("--key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The log's verifier key, if not this home's.")
@click.pass_context
def verify(ctx: click.Context, as_json: bool, checkpoint: Path | None, url: str | None, key: Path | None) -> None:
    """Check every record, the tree, every signature and every state.

    Ends with 0 only where everything holds, with 4 where something does not. Names each record that was altered, and
    the level of assurance that is reached: L0 self-consistent, L1 signed by the log, L2 consistent with a ledger
    checkpoint that you held.
    """
    from lifecycle.ledger.address import Address
    from lifecycle.ledger.verification import verify_ledger

    if url is None or key is None:
        departments = _departments()
        url = url or departments.settings.ledger_url
        verifier_key = _home_key(departments) if key is None else _key_in(key)
    else:
        verifier_key = _key_in(key)
    held = None if checkpoint is None else checkpoint.read_text(encoding="utf-8")
    result = verify_ledger(url, verifier_key, held)
    if as_json:
        render.as_json(_result_as_json(result, url=str(Address.parse(url))))
    else:
        _show_result(result)
    if not result.ok:
        ctx.exit(Tampered.exit_code)


@ledger.command()
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


@ledger.command()
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
    covered = f"signed: a ledger checkpoint of {signed} records covers it" if signed > found.index else "not signed yet"
    render.line(f"Record {found.index}  {event.type} of {event.subject} in {event.environment}, {render.moment(event.occurred_at_us)}")
    render.line(f"leaf {leaf_hash(stored).hex()} over {len(stored)} bytes, {covered}")
    render.line(json.dumps(event.as_json(), indent=2, ensure_ascii=False))


@ledger.command(short_help="Have the ledger signed now, and print the note.")
def checkpoint() -> None:
    """Have the ledger signed as it stands now, and print the signed note.

    Keep the note where this ledger's operator can't reach it: it is what shows a dropped tail or a rebuilt log later.
    """
    departments = _departments()
    _standing_ledger(departments).close()
    click.echo(departments.checkpoint(), nl=False)


@ledger.command(short_help="Print the proof of one record, to be checked offline.")
@click.argument("index", type=click.IntRange(min=0))
def prove(index: int) -> None:
    """Print the proof, as JSON, that one record stands in the signed ledger; it can be checked offline."""
    with _standing_ledger() as ledger_here:
        render.as_json(ledger_here.proof(index).as_json())


def _departments() -> Departments:
    from lifecycle.wiring import Departments

    return Departments.here()


def _standing_ledger(departments: Departments | None = None) -> Ledger:
    """This home's ledger. Looking at a ledger never makes one: raises Unavailable where there is none."""
    from lifecycle.ledger.ledger import Ledger

    settings = (departments or _departments()).settings
    return Ledger.open(settings.ledger_url, origin=settings.origin, create=False)


def _home_key(departments: Departments) -> VerifierKey | None:
    from lifecycle.ledger.keys import read_log_key

    try:
        return read_log_key(departments.settings.home / "keys")
    except UnknownName as error:
        render.note(f"{error.what} No signature can be checked; pass one with --key.")
        return None


def _key_in(file: Path) -> VerifierKey:
    from lifecycle.proofs.notes import VerifierKey

    return VerifierKey.parse(file.read_text(encoding="utf-8"))


def _looked_at() -> LookingLedger:
    """The ledger of the home for who only looks; no Ledger, which takes longer to import than to read."""
    from lifecycle.ledger.looking import LookingLedger

    settings = _departments().settings
    return LookingLedger(settings.ledger_url, origin=settings.origin)


def _recorded(ledger_here: Ledger | LookingLedger, record: str) -> Recorded:
    if not record.isdigit():
        return ledger_here.event(record)
    ledger_here.stored(int(record))
    return ledger_here.events(since=int(record), limit=1)[0]


def _signed_size(ledger_here: Ledger | LookingLedger) -> int:
    from lifecycle.proofs.notes import Checkpoint

    note = ledger_here.checkpoint()
    return 0 if note is None else Checkpoint.parse(note).size


def _outcome(recorded: Recorded) -> str | None:
    """What a person wants to see beside the type: how a decision went."""
    from lifecycle.records.bodies import DecisionMade

    body = recorded.event.body
    return body.decision.result.outcome if isinstance(body, DecisionMade) else None


def _result_as_json(result: Verification, *, url: str) -> dict[str, object]:
    return {
        "ok": result.ok,
        "level": result.level,
        "ledger": url,
        "origin": result.origin,
        "size": result.size,
        "root": result.root_text,
        "signed_size": result.signed_size,
        "unsigned": result.unsigned,
        "held_size": result.held_size,
        "findings": [{"index": found.index, "what": found.what, "breaks": found.breaks} for found in result.findings],
    }


def _show_result(result: Verification) -> None:
    verdict = "The ledger holds" if result.ok else "The ledger does NOT hold"
    render.line(f"{verdict}: {result.origin}, {result.size} records, root {result.root_text}")
    render.line(f"{result.level}  {_LEVELS[result.level]}.")
    if result.unsigned and result.signed_size:
        render.line(f"Not signed yet: the latest {result.unsigned}. `lifecycle ledger checkpoint` signs what stands.")
    for found in result.findings:
        render.line(f"  {found.breaks}  {found.what}")
    if not result.ok:
        render.line("Next: keep a copy as evidence; restore a backup, or explain each finding, before anything is deployed from here.")
