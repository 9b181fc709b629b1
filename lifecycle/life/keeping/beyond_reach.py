"""What is kept of somebody, and where of it no command reaches: said, so that people can go there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lifecycle.life.keeping.ledgers_aside import unreadable_aside
from lifecycle.life.keeping.row_erasure import FoundRows, singular_columns_of, versions_out_of_sight, versions_trained_on
from lifecycle.records.record import Digest
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.serving.prediction_log.kept_values import Kept


@dataclass(frozen=True)
class FoundValues:
    """What is kept of somebody: commitments that can be opened, what was asked of predictions, rows, an entry in the registry."""

    openings: tuple[Digest, ...]
    predictions: tuple[Kept, ...]
    datasets: tuple[FoundRows, ...]
    person: str | None
    #: That person stands in the registry of the project.
    in_project: bool = False

    @property
    def anything(self) -> bool:
        return bool(self.openings or self.predictions or self.datasets or self.person)


def rows_out_of_sight(departments: Departments) -> Iterator[str]:
    """Dataset versions that can't be looked through, each as a person is told."""
    for name, digest in versions_out_of_sight(departments):
        yield f"the dataset version {digest} of {name}: the artifact store lacks its rows or what opens them; erase again once it has them"


def places_beyond_reach(departments: Departments, found: FoundValues) -> Iterator[str]:
    """Where the values may still be once they are erased, as a person is told. Ask before they are."""
    settings = departments.settings
    yield "backups of the ledger, the artifact store and the gateway's folder that were made before: erase again in what is restored"
    yield from rows_out_of_sight(departments)
    for file in unreadable_aside(departments):
        yield f"the damaged ledger that is kept aside in {file}: destroy it once it is not needed as evidence"
    if not settings.ledger_url.startswith("sqlite") and found.openings:
        yield "the write-ahead log of the ledger's server, its archive and its replicas, until they are recycled"
    if not settings.artifacts_url.startswith("file:") and found.datasets:
        yield "versions that the artifact store keeps of its objects, and caches on other machines"
    if found.person is not None and found.in_project:
        yield "the history of the project's repository, in which the registry of people is kept"
    for name in sorted({rows.dataset for rows in found.datasets}):
        yield f"the source of {name}: it must lose the rows as well, or it can't be ingested again"
    learnt = sorted({version for rows in found.datasets for version in versions_trained_on(departments, rows.dataset_digest)})
    if learnt:
        named = ", ".join(f"{model}:{version}" for model, version in learnt)
        yield f"what versions learned from the rows, and the aggregates in reports on them: {named}"
        singular = sorted({column for rows in found.datasets for column in singular_columns_of(departments, rows)})
        if singular:
            yield f"a value that only these rows had, in {', '.join(singular)}: it can stand in a report's scale or a model's vocabulary"
    if found.predictions:
        yield "aggregates over many predictions in monitoring reports"
