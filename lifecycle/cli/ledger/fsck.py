"""`lifecycle ledger fsck`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lifecycle.cli import render
from lifecycle.errors import Tampered

if TYPE_CHECKING:
    from lifecycle.ledger.verifying.fsck import Examination


@click.command(short_help="Make everything beside the leaves again, and report each difference.")
@click.option("--repair", is_flag=True, help="Write what is different anew, in one transaction. A leaf is never written.")
@click.option("--url", help="Another ledger's database than this home's.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def fsck(ctx: click.Context, repair: bool, url: str | None, as_json: bool) -> None:
    """Make everything beside the leaves again, and report each difference.

    The head, the states of versions, the streams and the columns of events are kept so that they are found fast; every one of
    them follows from the leaves. Ends with 0 only where all of them are what the leaves say, with 4 where one is not. With --repair
    they are written anew; where leaves were changed or dropped nothing is written, because only a backup brings those back. Whether
    the leaves are those that were signed is asked by `lifecycle ledger verify`: keep a copy and run it before you repair.

    It tells as well which of the triggers that refuse changes are gone. Nothing rests on them, and the exit code does not say so.
    """
    from lifecycle.ledger.address import Address

    if url is None:
        from lifecycle.wiring import Departments

        url = Departments.here(make=False).settings.ledger_url
    if repair:
        from lifecycle.ledger.verifying.mending import mend

        examination = mend(url)
    else:
        from lifecycle.ledger.verifying.fsck import examine

        examination = examine(url)
    if as_json:
        render.as_json(_as_json(examination, url=str(Address.parse(url)), repaired=repair))
    else:
        _show(examination, repaired=repair)
    if examination.differences and not repair:
        ctx.exit(Tampered.exit_code)


def _as_json(examination: Examination, *, url: str, repaired: bool) -> dict[str, object]:
    return {
        "ok": repaired or not examination.differences,
        "ledger": url,
        "size": examination.size,
        "repaired": len(examination.differences) if repaired else 0,
        "missing_guards": list(examination.missing_guards),
        "differences": [
            {"table": found.table, "index": found.index, "what": found.what, "mendable": found.mendable}
            for found in examination.differences
        ],
    }


def _show(examination: Examination, *, repaired: bool) -> None:
    if examination.missing_guards:
        guards = ", ".join(examination.missing_guards)
        render.line(f"The database refuses changes no more: somebody who owns it took off {guards}.")
        render.line("Next: find out who, and when; run `lifecycle ledger verify`. A ledger that is restored from an older backup has them.")
    differences = examination.differences
    if not differences:
        render.line(f"Head, states, streams and columns are what the {examination.size} leaves say.")
        return
    render.line(f"{len(differences)} differences between the {examination.size} leaves and what is kept beside them:")
    for found in differences:
        render.line(f"  {found.table:<7} {found.what}{'' if found.mendable else ': this can not be written anew'}")
    if repaired:
        render.line("They were written anew. `lifecycle ledger verify` says whether the leaves hold.")
    elif examination.mendable:
        render.line("Next: run `lifecycle ledger verify`, keep a copy, find out who changed it; then `lifecycle ledger fsck --repair`.")
    else:
        render.line("Next: keep a copy as evidence, run `lifecycle ledger verify`, and restore a backup; leaves can't be written anew.")
