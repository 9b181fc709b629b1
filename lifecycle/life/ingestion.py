"""The dataset step: read the source, judge it, keep it by content, say what was found."""

from __future__ import annotations

from lifecycle.declaration import GovernedModel
from lifecycle.life.keeping.dataset_rows import earlier_of
from lifecycle.life.keeping.erasure_intent import Intents
from lifecycle.life.recording import Step, links, record_once
from lifecycle.records.bodies.data import DatasetIngested, DatasetRejected
from lifecycle.records.events import Event, Recorded, Subject
from lifecycle.records.record import Digest
from lifecycle.wiring import Departments


def ingest_dataset(departments: Departments, model: GovernedModel, step: Step) -> Recorded:
    """Ingests what the source holds now; the same content twice is one dataset version.

    Records DatasetIngested. Where the contract or the leakage check says no: records DatasetRejected, with the
    positions of the failing rows, and raises DatasetNotAccepted.
    """
    from lifecycle.data.ingestion import ingest
    from lifecycle.data.rejection import DatasetNotAccepted

    event_id = step.event_id("dataset")
    recorded = departments.ledger.find(event_id)
    if recorded is not None:
        return recorded

    def happened(body: DatasetIngested | DatasetRejected, digest: Digest | None, event_id: str) -> Event:
        subject = Subject(kind="dataset", name=model.name, digest=digest)
        made, used = links(dataset=digest), links(source=body.source_digest)
        return step.happened(departments, body, subject, event_id=event_id, inputs=used, outputs=made)

    with Intents(departments.folder("erasures", 0o700)).none_under_way():
        try:
            ingested = ingest(model.data, departments.artifacts, lambda digest: earlier_of(departments, digest))
        except DatasetNotAccepted as rejection:
            # By its content: once the source is mended, the same step can go on to ingest it.
            rejected, rejection_id = rejection.body, step.event_id("dataset-rejected", rejection.body.source_digest)
            record_once(departments, happened(rejected, None, rejection_id))
            raise
        return record_once(departments, happened(ingested.body, ingested.dataset_digest, event_id))
