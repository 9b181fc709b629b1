"""`lifecycle explain`: what stands behind one prediction."""

from __future__ import annotations

import click

from lifecycle.cli import render

#: What a caller sent, in a row of the prediction log: it may be personal.
_ASKED = ("values", "request_id")


@click.command()
@click.argument("prediction_id")
@click.option("--json", "as_json", is_flag=True, help="Print the row and the steps as JSON.")
@click.option("--inputs", is_flag=True, help="Show what was asked as well: personal data, where it was not erased.")
def explain(prediction_id: str, as_json: bool, inputs: bool) -> None:
    """Tell which model, data, report, rule and people stand behind one prediction.

    PREDICTION_ID is the `prediction_id` in the parameters of an answer of the gateway.
    """
    from lifecycle.lineage.explanation import explain as explanation_of
    from lifecycle.lineage.reading import read_graph
    from lifecycle.lineage.tree import tree_of
    from lifecycle.wiring import Departments

    departments = Departments.here(make=False)
    row = departments.predictions.find(prediction_id)
    asked = row["values"]
    shown = row if inputs else {name: value for name, value in row.items() if name not in _ASKED} | {"inputs_kept": asked is not None}
    found = explanation_of(read_graph(departments.ledger.events(name=row["model"])), shown)
    if as_json:
        render.as_json(found.as_json())
        return
    render.show(tree_of(found.outline))
    if asked is None:
        render.note("What was asked has been erased; the commitment to it stands in the row.")
    elif inputs:
        render.table(("column", "value"), [("the caller's id", row["request_id"]), *sorted(asked.items())])
