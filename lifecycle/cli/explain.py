"""`lifecycle explain`: what stands behind one prediction, every edge of it checked; and the proof of one, checked offline."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lifecycle.cli import render
from lifecycle.cli.options import STANDING_FILE, keys_of_log, write_named

if TYPE_CHECKING:
    from lifecycle.lineage.explanation import Explanation
    from lifecycle.proofs.prediction import ProvenPrediction

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("prediction_id", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the row, every edge and the proof as JSON.")
@click.option("--html", type=_FILE, metavar="FILE", help="Write it as one page that needs nothing else, to be read or printed.")
@click.option("--proof", type=_FILE, metavar="FILE", help="Write the proof of the row, to be checked offline.")
@click.option("--inputs", is_flag=True, help="Show what was asked as well: personal data, where it was not erased.")
@click.option("--check", "to_check", type=STANDING_FILE, metavar="FILE", help="Check a proof that --proof wrote, wherever that was.")
@click.option(
    "--trust",
    "trusted",
    type=STANDING_FILE,
    multiple=True,
    metavar="FILE",
    help="With --check: the log's key, alone or in a trust file, as you had it before. Without it that of this home is taken.",
)
def explain(
    prediction_id: str | None,
    as_json: bool,
    html: Path | None,
    proof: Path | None,
    inputs: bool,
    to_check: Path | None,
    trusted: tuple[Path, ...],
) -> None:
    """Tell which model, data, report, rule and people stand behind one prediction, and what proves it.

    PREDICTION_ID is the `prediction_id` in the parameters of an answer of the gateway. Every edge is followed and checked: the
    commitment to what was asked, the row in its sealed segment, the bytes of the model and their signature, the decisions, the
    approvals by the keys of who signed them, the evaluation and its report, training, code, dataset and source, and each
    record under the ledger's signature. Ends with 4 where one of them is missing, and names it.

    With --check no prediction is looked for: a proof is opened as whoever got it opens it, with the log's key and nothing else. It
    shows that the row is what the gateway wrote down and sealed; what stands behind the row is for its home to explain.
    """
    if to_check is not None:
        if prediction_id is not None or html is not None or proof is not None or inputs:
            raise click.UsageError("--check goes with --trust and --json alone: what a proof does not hold it can't show.")
        _show_proven(_proven_in(to_check, trusted), as_json=as_json)
        return
    if prediction_id is None or trusted:
        raise click.UsageError("Name a PREDICTION_ID, or a proof with --check FILE; --trust goes with --check.")
    from lifecycle.life.explaining import explain_prediction, prove_prediction
    from lifecycle.wiring import Departments

    departments = Departments.here(make=False)
    found = explain_prediction(departments, prediction_id, with_inputs=inputs)
    if html is not None:
        from lifecycle.lineage.explanation_page import page_of

        write_named(html, page_of(found).encode())
    if proof is not None:
        write_named(proof, prove_prediction(departments, prediction_id).canonical() + b"\n")
    if as_json:
        render.as_json(found.as_json())
    else:
        _show(found, inputs)
    found.require_whole()


def _show(found: Explanation, inputs: bool) -> None:
    from lifecycle.lineage.tree import tree_of

    render.show(tree_of(found.outline))
    row = found.row
    if inputs and row["values"] is not None:
        named = [("subject", row["subject"])] if "subject" in row else []
        render.table(("column", "value"), [("the caller's id", row["request_id"]), *named, *sorted(row["values"].items())])
    for step in found.waiting:
        if step.why:
            render.note(f"Not proven yet: {step.edge}: {step.why}.")


def _proven_in(file: Path, trusted: tuple[Path, ...]) -> ProvenPrediction:
    """What a proof shows to whoever trusts these files. Raises Tampered where it does not hold, MalformedRecord where it is none."""
    from lifecycle.proofs.prediction import proven_prediction
    from lifecycle.records.prediction import PredictionProof

    return proven_prediction(PredictionProof.parse(file.read_bytes()), keys_of_log(trusted))


def _show_proven(proven: ProvenPrediction, *, as_json: bool) -> None:
    row, seal, checkpoint = proven.row, proven.seal, proven.checkpoint
    if as_json:
        told = {"origin": checkpoint.origin, "size": checkpoint.size, "root": base64.b64encode(checkpoint.root_hash).decode()}
        sealed = {"segment": seal.segment, "number": seal.number, "rows": seal.rows}
        render.as_json({"holds": True, "prediction": row.as_json(), "seal": sealed, "checkpoint": told})
        return
    version = row.model if row.version is None else f"{row.model}:{row.version}"
    said = row.outcome if row.output is None else f"{row.outcome}: {row.output.decision}"
    render.line(f"The proof holds: {row.id}, {render.moment(row.at_us)}, {version} {said}")
    render.line(f"It is one of the {seal.rows} rows of segment {seal.segment}, sealed in {checkpoint.origin}.")
    render.line(f"The log signed that ledger at {checkpoint.size} records.")
