"""`lifecycle ledger checkpoint` and `prove`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lifecycle.cli import render

if TYPE_CHECKING:
    from lifecycle.ledger.ledger import Ledger
    from lifecycle.wiring import Departments


@click.command(short_help="Have the ledger signed now, and print the note.")
def checkpoint() -> None:
    """Have the ledger signed as it stands now, and print the signed note.

    Keep the note where this ledger's operator can't reach it: it is what shows a dropped tail or a rebuilt log later.
    """
    departments = _departments()
    _standing_ledger(departments).close()
    click.echo(departments.checkpoint(), nl=False)


@click.command(short_help="Print the proof of one record, to be checked offline.")
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
