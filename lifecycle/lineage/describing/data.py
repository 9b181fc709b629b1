"""What events of data say about the graph."""

from __future__ import annotations

from lifecycle.lineage.describing.description import Description, Tellers
from lifecycle.records.bodies.data import DatasetIngested, DatasetRejected
from lifecycle.records.events import Event
from lifecycle.records.record import JsonObject


def _ingested(event: Event, body: DatasetIngested) -> Description:
    facts: JsonObject = {
        "source": body.source,
        "contract": body.contract,
        "rows": body.rows,
        "splits": dict(body.splits),
        "licence": body.licence,
    }
    return Description(
        f"ingestion/{event.id}",
        "ingestion",
        f"ingested from {body.source}",
        "complete",
        facts | {"classification": body.classification, "columns": [column.as_json() for column in body.columns]},
        used=(("source", body.source_digest),),
    )


def _rejected(event: Event, body: DatasetRejected) -> Description:
    facts: JsonObject = {"source": body.source, "contract": body.contract, "rows": body.rows, "reason": body.reason}
    return Description(
        f"ingestion/{event.id}", "ingestion", f"refused {body.source}", "failed", facts, used=(("source", body.source_digest),)
    )


TELLERS: Tellers = {
    DatasetIngested: _ingested,
    DatasetRejected: _rejected,
}
