"""`lifecycle ledger checkpoint`, `prove` and `tiles`."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lifecycle.cli import render
from lifecycle.cli.options import write_named
from lifecycle.proofs.inclusion import as_tlog_proof
from lifecycle.proofs.notes import Checkpoint
from lifecycle.records.counted import counted

if TYPE_CHECKING:
    from lifecycle.ledger.ledger import Ledger
    from lifecycle.proofs.signature_lines import SignatureLine
    from lifecycle.wiring import Departments


@click.command(short_help="Have the ledger signed now, and print the note.")
def checkpoint() -> None:
    """Have the ledger signed as it stands now, and print the signed note.

    Keep the note where this ledger's operator can't reach it: it is what shows a dropped tail or a rebuilt log later.
    """
    from lifecycle.life.signing import sign

    departments = _departments()
    _standing_ledger(departments).close()
    click.echo(sign(departments), nl=False)


@click.command(short_help="Print the proof of one record, to be checked offline.")
@click.argument("index", type=click.IntRange(min=0))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write a C2SP tlog-proof file instead; the leaf is not in it.")
@click.option(
    "--leaf", type=click.Path(dir_okay=False, path_type=Path), help="Write the bytes of the record beside it, as they were hashed."
)
def prove(index: int, out: Path | None, leaf: Path | None) -> None:
    """Print the proof, as JSON, that one record stands in the signed ledger; it can be checked offline.

    With --out it is written as a C2SP tlog-proof, which other people's programs read, with the cosignatures of the declared witnesses that
    are kept for its ledger checkpoint.
    """
    departments = _departments()
    with _standing_ledger(departments) as ledger_here:
        proof = ledger_here.proof(index)
    if leaf is not None:
        write_named(leaf, base64.b64decode(proof.leaf))
    if out is None:
        render.as_json(proof.as_json())
        return
    write_named(out, str(as_tlog_proof(proof, _cosignatures(departments, proof.checkpoint))).encode())
    render.line(f"{out}: record {index} under the ledger checkpoint of {Checkpoint.parse(proof.checkpoint).size} records")


@click.command(short_help="Export the ledger as a static transparency log (tlog-tiles).")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def tiles(folder: Path, as_json: bool) -> None:
    """Export what the latest ledger checkpoint covers into FOLDER, as a static transparency log (C2SP tlog-tiles).

    Any web server can serve it, and other people's programs verify it (Tessera's fsck, for one). Run it again to bring the
    folder up to date: what stands there is not written again.
    """
    from lifecycle.ledger.tiles import export_tiles

    departments = _departments()
    with _standing_ledger(departments) as ledger_here:
        note = ledger_here.checkpoint()
    written = export_tiles(departments.settings.ledger_url, folder, [] if note is None else _cosignatures(departments, note))
    if as_json:
        render.as_json({"folder": str(folder), "size": written.size, "first_entry": written.first_entry, "files": written.files})
        return
    render.line(f"{folder}: {counted(written.size, 'record')}, {counted(written.files, 'file')} written")
    if written.first_entry:
        render.line(f"Entries begin at record {written.first_entry}: before it, bodies were pruned. The hashes are all there.")


def _cosignatures(departments: Departments, note: str) -> list[SignatureLine]:
    from lifecycle.life.anchoring import cosignature_lines, receipts

    return cosignature_lines(receipts(departments), note, departments.anchors.policy.keys)


def _departments() -> Departments:
    from lifecycle.wiring import Departments

    return Departments.here()


def _standing_ledger(departments: Departments | None = None) -> Ledger:
    """This home's ledger. Looking at a ledger never makes one: raises Unavailable where there is none."""
    from lifecycle.ledger.ledger import Ledger

    settings = (departments or _departments()).settings
    return Ledger.open(settings.ledger_url, origin=settings.origin, create=False)
