"""`lifecycle ledger prune`: bytes of records go after their retention."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lifecycle.cli import render

if TYPE_CHECKING:
    from lifecycle.ledger.keeping.pruning import Pruning
    from lifecycle.life.keeping.retention import Pruned


@click.command(short_help="Take away the bytes of records whose retention has passed.")
@click.option("--dry-run", is_flag=True, help="Show what would go, and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print what was pruned as JSON.")
def prune(dry_run: bool, as_json: bool) -> None:
    """Take away the bytes of records that governance/retention.yaml lets go.

    Leaf hashes stay, so every proof over other records holds; BodiesPruned records which went, by which policy. Only
    observations go by their age, and the past of versions that were retired in every environment; nothing that is
    held, and nothing that no ledger checkpoint covers yet.
    """
    from lifecycle.life.keeping.retention import prune as prune_ledger
    from lifecycle.wiring import Departments

    done = prune_ledger(Departments.here(), dry_run=dry_run)
    if as_json:
        render.as_json(_as_json(done))
        return
    rows = [(pruning.rule, render.moment(pruning.before_us), len(pruning.indexes), _versions(pruning)) for pruning in done.prunings]
    columns = ("would go" if done.dry_run else "gone", "of before", "records", "versions that are over for good")
    render.table(columns, rows, empty="Nothing is past its retention.")
    for hold in done.holds:
        render.note(f"The hold {hold} keeps what it covers.")
    if done.indexes:
        render.line(f"In the ledger at {', '.join(str(index) for index in done.indexes)}. Every proof over other records still holds.")


def _versions(pruning: Pruning) -> str | None:
    return ", ".join(f"{closed.model}:{closed.version}" for closed in pruning.closed) or None


def _as_json(done: Pruned) -> dict[str, object]:
    return {
        "dry_run": done.dry_run,
        "policy_digest": done.policy_digest,
        "prunings": [
            {
                "rule": pruning.rule,
                "before_us": pruning.before_us,
                "records": len(pruning.indexes),
                "ranges": [[some.start, some.end] for some in pruning.ranges],
                "closed_versions": [render.version_fields(closed.model, closed.version) for closed in pruning.closed],
            }
            for pruning in done.prunings
        ],
        "indexes": list(done.indexes),
        "holds": [hold.hold_id for hold in done.holds],
    }
