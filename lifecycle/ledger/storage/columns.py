"""The columns of `events`, once for those who write them, those who read them, and those who hold them against the bytes.

The tables are described in `schema.py`. Nothing here imports a library: the signer starts with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from lifecycle.records.events import Event


class RecordRow(NamedTuple):
    """One row of `events`, in the order of its columns; read from a database they may be anything, and nothing of it is trusted."""

    leaf_index: Any
    event_id: Any
    type: Any
    environment: Any
    occurred_at_us: Any
    actor_id: Any
    subject_kind: Any
    subject_name: Any
    subject_version: Any
    subject_digest: Any
    run_id: Any
    leaf_hash: Any
    stored: Any


#: What of an event is repeated in columns.
EVENT_COLUMNS = RecordRow._fields[1:-2]
#: All columns, as a statement names them, and a question mark for each.
ALL_COLUMNS = ", ".join(RecordRow._fields)
ALL_VALUES = ", ".join("?" * len(RecordRow._fields))


def columns_of(event: Event) -> tuple[str | int | None, ...]:
    """The values of EVENT_COLUMNS, in that order."""
    subject = event.subject
    return (
        event.id,
        event.type,
        event.environment,
        event.occurred_at_us,
        event.actor.id,
        subject.kind,
        subject.name,
        subject.version,
        subject.digest,
        event.run_id,
    )
