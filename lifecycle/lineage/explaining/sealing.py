"""What proves a row: the segment that it lies in, and the record that sealed it."""

from __future__ import annotations

from dataclasses import dataclass

from lifecycle.lineage.explaining.chain import Found, NotFound
from lifecycle.lineage.explaining.walk import Walk, require, told
from lifecycle.lineage.outline import moment
from lifecycle.lineage.step import Step
from lifecycle.records.bodies.serving import PredictionsSealed
from lifecycle.records.prediction import Prediction


@dataclass(frozen=True)
class Placed:
    """Where a row lies, and what is known of its seal."""

    segment: str
    #: From 0.
    position: int
    #: Siblings on the way to the root of the segment.
    hashes: int
    seal: Found[PredictionsSealed] | None
    #: Why there is no seal yet, where one comes by itself.
    waiting: str = ""
    #: Why there is none, where there should be one; and why the row does not stand under it.
    unsealed: str = ""
    unproven: str = ""


def follow_sealing(walk: Walk, placed: Placed) -> None:
    """The seal and the row under it."""
    if placed.seal is None and placed.waiting:
        where = f"row {placed.position + 1} of segment {placed.segment}"
        walk.steps.append(Step("proof", "segment", where, standing="waiting", why=placed.waiting))
        return
    seal = walk.follow("proof", "seal", lambda: _seal(walk.row, placed))
    if seal is None:
        walk.unreached("proof", "segment", "seal")
        return
    walk.follow("proof", "segment", lambda: (_segment(placed, seal), None))


def _seal(row: Prediction, placed: Placed) -> tuple[Step, Found[PredictionsSealed]]:
    if placed.seal is None:
        raise NotFound(placed.unsealed)
    seal, body = placed.seal, placed.seal.body
    answered = any(
        (one.version, one.model_digest, one.decision_id, one.bundle_digest, one.arm)
        == (row.version, row.model_digest, row.decision_id, row.bundle_digest, row.arm)
        for one in body.versions
    )
    require(
        answered and body.segment == placed.segment and seal.event.subject.name == row.model,
        f"record {seal.index} does not seal the segment of this row",
    )
    facts = {"stream": body.stream, "number": body.number, "rows": body.rows, "segment": body.segment}
    rows = "one row" if body.rows == 1 else f"{body.rows:,} rows"
    detail = f"number {body.number} of its stream, {rows}, {moment(body.from_us)} to {moment(body.to_us)}"
    return told("proof", "seal", seal, f"segment {body.segment} was sealed", detail, digest=body.root, facts=facts), seal


def _segment(placed: Placed, seal: Found[PredictionsSealed]) -> Step:
    require(not placed.unproven, placed.unproven)
    facts = {"position": placed.position, "hashes": placed.hashes}
    how = f"under that root by {placed.hashes} hash{'es' if placed.hashes > 1 else ''}" if placed.hashes else "its hash is that root"
    return Step("proof", "segment", f"row {placed.position + 1} of {seal.body.rows:,}", how, facts=facts)
