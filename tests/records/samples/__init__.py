"""One record of each kind with something in every field: what the golden lines were written from.

Whoever adds a type of event adds a sample and writes its line (`python -m tests.records.write_golden`). A line that stands is
never written again: it is what a ledger out there holds.
"""

from __future__ import annotations

from lifecycle.records.record import Record
from tests.records.samples.documents import documents
from tests.records.samples.happenings import happenings


def samples() -> dict[str, list[Record]]:
    """Every sample under the name of its file: its type and the version of its form."""
    found: dict[str, list[Record]] = {}
    for event in happenings():
        found.setdefault(f"{event.type}.{event.body.body_version}", []).append(event)
    for record in documents():
        version = str(getattr(record, "schema_version", "1")).rpartition("/")[2]
        found.setdefault(f"{type(record).__name__}.{version}", []).append(record)
    return found
