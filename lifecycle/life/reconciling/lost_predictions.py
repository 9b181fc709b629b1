"""Whether a prediction that is not in the log may have been: an id that nobody knows is no mistake of the caller's where what was
sealed is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lifecycle.errors import LifecycleError, Tampered
from lifecycle.life.checking.own_ledger import ledger_is_here
from lifecycle.lineage.selection import ANSWERS, every_event
from lifecycle.records.bodies.serving import PredictionsSealed
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.serving.prediction_log.segments import ModelLog

#: So many segments are named; `ledger verify` names all.
_NAMED = 3


def require_not_lost(departments: Departments, prediction_id: str) -> None:
    """Raises Tampered that names the sealed segments in which a prediction may have been, where one is not as it was sealed."""
    lost = list(_lost(departments, prediction_id))
    if not lost:
        return
    named = "; ".join(lost[:_NAMED]) + (f"; and {len(lost) - _NAMED} more" if len(lost) > _NAMED else "")
    raise Tampered(
        f"There is no prediction {prediction_id!r} in the log, but it may have been in what is gone from it: {named}.",
        "Restore the segment from a backup of the home; `lifecycle ledger verify` names everything that is missing.",
    )


def _lost(departments: Departments, prediction_id: str) -> Iterator[str]:
    """Segments of this home's gateways that were sealed, could hold the row by the time in its id, and are not what was sealed."""
    from lifecycle.serving.prediction_log.reading import answered_at_us, within
    from lifecycle.serving.prediction_log.segment_check import OwnSegments
    from lifecycle.serving.prediction_log.segments import ModelLog

    own = OwnSegments.look(*departments.gateway_folders)
    all_here, at_us = ledger_is_here(departments), answered_at_us(prediction_id)
    for recorded in every_event(departments.ledger, types=ANSWERS):
        body = recorded.event.body
        if not isinstance(body, PredictionsSealed) or not (all_here or body.stream in own.streams):
            continue
        if at_us is not None and not within(at_us, body.from_us, body.to_us):
            continue
        log = own.streams.get(body.stream) or ModelLog(departments.gateway_folder.predictions / recorded.event.subject.name)
        # Of an id that says no time, which may be in any, not every row of a long log is read: that is for `ledger verify`.
        how = _fault(log, body, read=at_us is not None)
        if how:
            yield f"segment {body.segment} of {log.model}, with {body.rows} rows, sealed by record {recorded.index}, {how}"


def _fault(log: ModelLog, body: PredictionsSealed, *, read: bool) -> str:
    """How a segment is not what was sealed; empty where it is, as far as was looked."""
    from lifecycle.serving.prediction_log.segment_reading import SegmentReading, whole_lines

    path = log.rows(body.segment)
    if not path.exists():
        return "is missing"
    if not read:
        return ""
    reading = SegmentReading(path)
    try:
        for line in whole_lines(path):
            reading.add(line)
    except (LifecycleError, OSError):
        return "was altered"
    return "" if reading.size == body.rows and reading.content().root == body.root else "was altered"
