"""`lifecycle explain`: what stands behind one prediction, every edge of it checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lifecycle.cli import render
from lifecycle.cli.options import write_named

if TYPE_CHECKING:
    from lifecycle.lineage.explanation import Explanation

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("prediction_id")
@click.option("--json", "as_json", is_flag=True, help="Print the row, every edge and the proof as JSON.")
@click.option("--html", type=_FILE, metavar="FILE", help="Write it as one page that needs nothing else, to be read or printed.")
@click.option("--proof", type=_FILE, metavar="FILE", help="Write the proof of the row, to be checked offline.")
@click.option("--inputs", is_flag=True, help="Show what was asked as well: personal data, where it was not erased.")
def explain(prediction_id: str, as_json: bool, html: Path | None, proof: Path | None, inputs: bool) -> None:
    """Tell which model, data, report, rule and people stand behind one prediction, and what proves it.

    PREDICTION_ID is the `prediction_id` in the parameters of an answer of the gateway. Every edge is followed and checked: the
    commitment to what was asked, the row in its sealed segment, the bytes of the model and their signature, the decisions, the
    approvals by the keys of who signed them, the evaluation and its report, training, code, dataset and source, and each
    record under the ledger's signature. Ends with 4 where one of them is missing, and names it.
    """
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
