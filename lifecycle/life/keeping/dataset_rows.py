"""The rows of a dataset version as they are now: after an erasure those that are left stand under another digest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecycle.life.gates.standing import body_of
from lifecycle.records.bodies.data import DatasetIngested
from lifecycle.records.events import Recorded
from lifecycle.records.record import Digest
from lifecycle.records.remainder import remainder_of
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from pandas import DataFrame

    from lifecycle.data.ingestion import Earlier


def dataset_rows(departments: Departments, dataset_digest: Digest) -> DataFrame:
    """The rows of a dataset version that were not erased, with the numbers that they always had.

    Raises UnknownName where the artifact store lacks them, Tampered where they are others.
    """
    from lifecycle.data.columnar import read_dataset

    return read_dataset(departments.artifacts, remaining_of(departments, dataset_digest) or dataset_digest)


def remaining_of(departments: Departments, dataset_digest: Digest) -> Digest | None:
    """What the latest erasure left of a dataset version; None where nothing of it was erased."""
    return remainder_of(dataset_digest, departments.ledger.events(types=("SubjectErased",))).digest


def ingestions_of(departments: Departments, dataset_digest: Digest) -> list[Recorded]:
    """Every DatasetIngested of one dataset version, the oldest first: the same content may have come in twice."""
    found = departments.ledger.events(types=("DatasetIngested",))
    return [recorded for recorded in found if recorded.event.subject.digest == dataset_digest]


def earlier_of(departments: Departments, dataset_digest: Digest) -> Earlier | None:
    """What the ledger knows of a dataset version that is about to be ingested; None where it is new."""
    from lifecycle.data.ingestion import Earlier

    bodies = [body_of(recorded, DatasetIngested) for recorded in ingestions_of(departments, dataset_digest)]
    if not bodies:
        return None
    committed = next((body.row_commitments_digest for body in bodies if body.row_commitments_digest is not None), None)
    return Earlier(committed, rows_erased=remaining_of(departments, dataset_digest) is not None)
