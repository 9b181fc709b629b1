"""What a gateway's own log of refused requests holds, beside what its journal says was sealed of it."""

from __future__ import annotations

from lifecycle.errors import LifecycleError
from lifecycle.records.bodies.access import RefusalsSealed
from lifecycle.records.events import Event
from lifecycle.serving.access.refusal_sealing import SEALED
from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.prediction_log.reconciling import LoggedRows
from lifecycle.serving.prediction_log.segment_reading import whole_lines
from lifecycle.serving.prediction_log.segments import SUFFIX
from lifecycle.serving.rollouts.journal import replay

#: What their segments are called where those of models are called after them.
REFUSALS = "refused requests"


def logged_refusals(folder: GatewayFolder) -> tuple[LoggedRows, ...]:
    """The lines of the segments that the journal knows; nothing where it knows of none. What is not sealed yet is no part of it.

    The journal is read before the log, so that what is sealed meanwhile is never taken for missing. Raises as `replay` does.
    """
    state, _, _ = replay(folder.journal)
    known = state.refusals
    if known is None:
        return ()
    lying = 0
    # A seal is renamed once the journal has it: between the two it lies under its first name.
    for seal in (*folder.refusals.glob("*.seal"), *folder.refusals.glob(f"*{SEALED}")):
        try:
            body = Event.parse(seal.read_bytes()).body
        except (LifecycleError, OSError):
            continue  # Its lines are missing then, and `ledger verify` says what is wrong with it.
        if isinstance(body, RefusalsSealed) and body.stream == known.stream and body.number <= known.number:
            segment = folder.refusals / body.segment
            lying += sum(1 for _ in whole_lines(segment)) if segment.suffix == SUFFIX and segment.is_file() else 0
    return (LoggedRows(REFUSALS, known.stream, known.number, known.rows, lying, waiting=0, open=0, counted=lying),)
