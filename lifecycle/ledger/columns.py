"""What of an event is repeated in columns: once for those who write it, and for those who hold it against the bytes."""

from __future__ import annotations

from lifecycle.records.events import Event

EVENT_COLUMNS = (
    "event_id",
    "type",
    "environment",
    "occurred_at_us",
    "actor_id",
    "subject_kind",
    "subject_name",
    "subject_version",
    "subject_digest",
    "run_id",
)


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
