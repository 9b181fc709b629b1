"""`lifecycle policy logs`: an OPA server's decision log against the ledger."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from lifecycle.cli import render
from lifecycle.cli.options import STANDING_FILE
from lifecycle.errors import Tampered
from lifecycle.records.counted import counted

if TYPE_CHECKING:
    from lifecycle.life.checking.logged_decisions import Compared


@click.command(short_help="Hold an OPA server's decision log against the ledger.")
@click.argument("file", type=STANDING_FILE)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def logs(ctx: click.Context, file: Path, as_json: bool) -> None:
    """Hold FILE, the decision log of an OPA server (lines or uploaded arrays, gzipped or not), against the decisions in the ledger.

    Each entry must be a recorded decision, by the id that the server gave it (by that of its request where the record has none): same
    gate, bundle, input and answer. An entry that no record stands for is unrecorded: somebody asked the server past the ledger. A
    recorded decision from the time of the log that has no entry is unlogged. Ends with 0 only where all are matched, with 4 otherwise.
    """
    from lifecycle.life.checking.logged_decisions import Comparison, compared
    from lifecycle.policy.decision_log import read_decision_log
    from lifecycle.wiring import Departments

    found = compared(Departments.here(make=False), read_decision_log(file))
    counts = Counter(one.comparison for one in found)
    wrong = [one for one in found if one.comparison != "matched"]
    if as_json:
        render.as_json({**{name: counts[name] for name in get_args(Comparison)}, "decisions": [_as_json(one) for one in found]})
    else:
        if wrong:
            rows = [(_id(one), one.logged.decision_id if one.logged else "", one.comparison, "; ".join(one.what)) for one in wrong]
            render.table(("decision", "in the log", "is", "how"), rows)
        told = ", ".join(f"{counts[name]} {name}" for name in get_args(Comparison))
        render.line(f"{counted(len(found), 'decision')}: {told}.")
    if wrong:
        ctx.exit(Tampered.exit_code)


def _id(one: Compared) -> str:
    return one.past.decision.id if one.past else ""


def _as_json(one: Compared) -> dict[str, object]:
    return {
        "comparison": one.comparison,
        "decision": _id(one) or None,
        "ledger_index": one.past.index if one.past else None,
        "opa_decision_id": one.logged.decision_id if one.logged else None,
        "request": one.logged.request_id if one.logged else one.past.decision.input.request.id if one.past else None,
        "what": list(one.what),
    }
