"""What events of the ledger itself say about the graph."""

from __future__ import annotations

from typing import Any

from lifecycle.lineage.describing.description import Description, Tellers
from lifecycle.records.bodies.keeping import (
    BodiesPruned,
    LedgerRestored,
    LegalHoldPlaced,
    LegalHoldReleased,
    LogKeyRotated,
    SubjectErased,
)
from lifecycle.records.counted import counted
from lifecycle.records.events import Event
from lifecycle.records.record import JsonObject


def _rotated(event: Event, body: LogKeyRotated) -> Description:
    facts: JsonObject = {"old_key": body.old_key, "new_key": body.new_key, "from_size": body.from_size, "reason": body.reason}
    label = f"the log signs with another key from {body.from_size} records on"
    return Description(f"key_rotation/{event.id}", "key_rotation", label, "complete", facts)


def _erased(event: Event, body: SubjectErased) -> Description:
    erased = len(body.openings) + len(body.predictions) + sum(len(rows.rows) for rows in body.datasets)
    rest: list[Any] = [rows.remaining_digest for rows in body.datasets]
    facts: JsonObject = {"reason": body.reason, "erased": erased, "remaining": rest}
    used = tuple(("dataset", rows.dataset_digest) for rows in body.datasets)
    made = tuple(("remaining", rows.remaining_digest) for rows in body.datasets)
    return Description(f"erasure/{event.id}", "erasure", f"erased {counted(erased, 'value')}", "complete", facts, used=used, generated=made)


def _pruned(event: Event, body: BodiesPruned) -> Description:
    facts: JsonObject = {"count": body.count, "before_us": body.before_us, "policy_digest": body.policy_digest}
    return Description(f"pruning/{event.id}", "pruning", f"pruned {counted(body.count, 'record')}", "complete", facts)


def _held(event: Event, body: LegalHoldPlaced) -> Description:
    facts: JsonObject = {"hold_id": body.hold_id, "name": body.name, "reason": body.reason}
    return Description(f"hold/{body.hold_id}", "hold", f"legal hold on {body.name or 'everything'}", "open", facts)


def _released(event: Event, body: LegalHoldReleased) -> Description:
    return Description(f"hold/{body.hold_id}", "hold", "hold", "complete", {"released": body.reason})


def _restored(event: Event, body: LedgerRestored) -> Description:
    facts: JsonObject = {"backup_size": body.backup_size, "lost": body.lost, "reason": body.reason}
    label = f"restored from a backup of {counted(body.backup_size, 'record')}, {body.lost} lost"
    return Description(f"restore/{event.id}", "restore", label, "complete", facts)


TELLERS: Tellers = {
    LogKeyRotated: _rotated,
    SubjectErased: _erased,
    BodiesPruned: _pruned,
    LegalHoldPlaced: _held,
    LegalHoldReleased: _released,
    LedgerRestored: _restored,
}
