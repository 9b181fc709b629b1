"""`lifecycle ledger verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lifecycle.cli import render
from lifecycle.errors import Tampered, UnknownName

if TYPE_CHECKING:
    from lifecycle.ledger.findings import Verification
    from lifecycle.proofs.notes import VerifierKey
    from lifecycle.wiring import Departments

_LEVELS = {
    "none": "reached no level: it does not even agree with itself",
    "L0": "self-consistent; no signature of the log covers it",
    "L1": "signed by the log. Against whoever holds the log's key this proves nothing: keep a ledger checkpoint elsewhere, "
    "and pass it with --checkpoint",
    "L2": "goes on from the ledger checkpoint that you held",
}


@click.command(short_help="Check every record, the tree, every signature and state.")
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
        from lifecycle.wiring import Departments

        departments = Departments.here()
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
