"""`lifecycle ledger anchor` and `anchors`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lifecycle.cli import render
from lifecycle.errors import Tampered, Unavailable
from lifecycle.records.counted import counted

if TYPE_CHECKING:
    from lifecycle.ledger.receipts import AnchorReceipt
    from lifecycle.ledger.verifying.findings import Exposure
    from lifecycle.life.anchoring import Anchored
    from lifecycle.wiring import Departments


@click.command(short_help="Have every declared anchor see the ledger now.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.pass_context
def anchor(ctx: click.Context, as_json: bool) -> None:
    """Have the ledger signed, and every anchor of governance/anchors.yaml see it, now.

    Ends with 0 where all of them did, with 4 where one holds another past or a longer ledger than this one, with 5 where
    one did not answer. The others are asked nevertheless, and what they answered is kept.
    """
    from lifecycle.life.anchoring import anchor_ledger
    from lifecycle.wiring import Departments

    departments = Departments.here()
    outcomes = anchor_ledger(departments)
    if as_json:
        render.as_json({"anchored": [_outcome(found) for found in outcomes], "exposure": _exposure_here(departments)})
    else:
        rows = [(found.name, found.kind, _told(found), _size(found), _when(found)) for found in outcomes]
        render.table(("anchor", "kind", "outcome", "records", "at"), rows)
    failed = [found.error for found in outcomes if found.error is not None]
    for error in failed:
        render.note(str(error))
    if any(isinstance(error, Tampered) for error in failed):
        ctx.exit(Tampered.exit_code)
    if failed:
        ctx.exit(Unavailable.exit_code)


@click.command(short_help="List what anchors have seen, and what they have not.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many of the latest receipts.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON; all receipts.")
def anchors(limit: int, as_json: bool) -> None:
    """List what anchors have seen of the ledger, and the exposure: how many records none has seen yet, and since when.

    Anchors are declared in governance/anchors.yaml: a folder or a git remote of somebody else's, a time-stamp authority
    (RFC 3161), witnesses (C2SP tlog-witness). `lifecycle ledger anchor` has them see the ledger now; a schedule of Dagster does
    so as declared.
    """
    from lifecycle.life.anchoring import NO_ANCHORS, exposure, receipts
    from lifecycle.wiring import Departments

    departments = Departments.here(make=False)
    declared, kept, open_to = departments.anchors, receipts(departments), exposure(departments)
    if as_json:
        render.as_json(
            {
                "declared": [{"name": found.name, "kind": found.kind} for found in declared.anchors],
                "schedule": declared.schedule,
                "quorum": declared.policy.quorum,
                "receipts": [_receipt(found) for found in kept],
                "exposure": _exposure_here(departments),
            }
        )
        return
    if not declared.anchors:
        render.line(NO_ANCHORS)
    rows = [(found.anchor, found.kind, found.size, render.moment(found.at_us)) for found in kept[-limit:]]
    render.table(("anchor", "kind", "records", "at"), rows, empty="No anchor has seen this ledger yet.")
    render.line(exposure_told(open_to))


def exposure_as_json(found: Exposure | None, size: int) -> dict[str, Any]:
    """The exposure of a ledger of this size, as every JSON answer has it: where no anchor has ever seen it, all of its records."""
    if found is None:
        return {"anchor": None, "size": 0, "at_us": None, "leaves_since": size, "age_seconds": None}
    return {
        "anchor": found.anchor,
        "size": found.size,
        "at_us": found.at_us,
        "leaves_since": found.leaves_since,
        "age_seconds": found.age_us // 1_000_000,
    }


def _exposure_here(departments: Departments) -> dict[str, Any]:
    from lifecycle.life.anchoring import exposure

    return exposure_as_json(exposure(departments), departments.ledger.head().size)


def exposure_told(found: Exposure | None, *, verified: bool = False) -> str:
    """The exposure in one line. Unless it was `verified`, it is what the receipts that are kept here say of themselves."""
    if found is None and verified:
        return "Exposure: the whole ledger; nothing here proves that an anchor has ever seen it."
    if found is None:
        return "Exposure: the whole ledger; no anchor has ever seen it."
    seen = f"{found.anchor} saw {counted(found.size, 'record')} at {render.moment(found.at_us)}, {_age(found.age_us)} ago"
    unchecked = "" if verified else " So say the receipts kept here, which `lifecycle ledger verify` checks."
    return f"Exposure: {counted(found.leaves_since, 'record')} that no anchor has seen; {seen}.{unchecked}"


def _age(age_us: int) -> str:
    minutes = age_us // 60_000_000
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"


def _receipt(found: AnchorReceipt) -> dict[str, Any]:
    return {"anchor": found.anchor, "kind": found.kind, "size": found.size, "at_us": found.at_us, "root": found.root.hex()}


def _outcome(found: Anchored) -> dict[str, Any]:
    return {
        "name": found.name,
        "kind": found.kind,
        "ok": found.error is None,
        "again": found.again,
        "size": None if found.receipt is None else found.receipt.size,
        "at_us": None if found.receipt is None else found.receipt.at_us,
        "error": None if found.error is None else found.error.what,
    }


def _told(found: Anchored) -> str:
    if found.error is not None:
        return "REFUSES" if isinstance(found.error, Tampered) else "does not answer"
    return "had seen it" if found.again else "has seen it"


def _size(found: Anchored) -> int | None:
    return None if found.receipt is None else found.receipt.size


def _when(found: Anchored) -> str | None:
    return None if found.receipt is None else render.moment(found.receipt.at_us)
