"""`lifecycle evidence oscal`."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lifecycle.cli import render
from lifecycle.cli.evidence.coverage import frameworks_here
from lifecycle.cli.options import require_model
from lifecycle.proofs.tlog_proof import SUFFIX
from lifecycle.records.counted import counted

if TYPE_CHECKING:
    from lifecycle.evidence.coverage import Coverage
    from lifecycle.ledger.ledger import Ledger


@click.command(short_help="Write the coverage as OSCAL assessment results, with the leaves and their proofs.")
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="The folder to write into.")
@click.option("--model", help="What speaks to this model; everything that the ledger holds unless it is given.")
@click.option("--version", "number", type=click.IntRange(min=1), help="What speaks to this version of the model.")
@click.option("--framework", "names", multiple=True, help="Only this text, such as eu_ai_act. May be given several times.")
def oscal(out: Path, model: str | None, number: int | None, names: tuple[str, ...]) -> None:
    """Write the coverage as OSCAL: assessment results, a catalog of each text in our own words, and what they point to.

    Each observation names the records that speak to a clause; each gap is a finding. The records that are cited lie beside it in
    leaves/, in their exact bytes, and their proofs in proofs/ (C2SP tlog-proof). The same ledger gives the same bytes.
    """
    from lifecycle.evidence.coverage import coverage
    from lifecycle.evidence.oscal import oscal as as_oscal
    from lifecycle.life.lineage import write_files
    from lifecycle.wiring import Departments

    require_model(model, number)
    departments = Departments.here(make=False)
    frameworks = frameworks_here(departments, names)
    found = coverage(departments.ledger, frameworks, model, number)
    leaves, proofs = _proven(departments.ledger, found)
    written = [
        *write_files(out, as_oscal(found, lambda index: f"proofs/{index}{SUFFIX}")),
        *write_files(out / "leaves", leaves),
        *write_files(out / "proofs", proofs),
    ]
    render.line(f"{out}: {counted(len(written), 'file')}, {counted(len(leaves), 'record')} of {found.size} cited")


def _proven(ledger: Ledger, found: Coverage) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The cited records in their exact bytes, and their proofs. Raises Unavailable where no ledger checkpoint covers one of them."""
    from lifecycle.proofs.inclusion import as_tlog_proof

    leaves, proofs = {}, {}
    for index in found.indexes:
        proof = ledger.proof(index)
        leaves[f"{index}.json"] = base64.b64decode(proof.leaf)
        proofs[f"{index}{SUFFIX}"] = str(as_tlog_proof(proof)).encode()
    return leaves, proofs
