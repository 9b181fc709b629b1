"""Rows of dataset versions that are to be erased: which they are, and what is left when they are gone.

Rows are found by whom they are about, where their dataset declares a column that says so, and otherwise by their number in the
newest version. Whoever is in one version is likely in others: the rows of other versions that say the same go with them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from lifecycle.errors import UnknownName
from lifecycle.life.gates.standing import body_of, dataset_of
from lifecycle.life.keeping.dataset_rows import dataset_rows, ingestions_of, remaining_of
from lifecycle.life.keeping.erasure_intent import IntendedRows
from lifecycle.records.bodies.data import DatasetIngested
from lifecycle.records.bodies.keeping import SubjectErased
from lifecycle.records.bodies.training import ModelTrained
from lifecycle.records.record import Digest
from lifecycle.wiring import Departments

#: What a Parquet file begins with.
PARQUET = b"PAR1"


@dataclass(frozen=True)
class FoundRows:
    """Rows of one dataset version, by their numbers; `dataset` is what the ledger calls it."""

    dataset: str
    dataset_digest: Digest
    rows: tuple[int, ...]


def rows_about_subject(departments: Departments, subject: str) -> tuple[FoundRows, ...]:
    """The rows about somebody, in every dataset version whose declaration named a column that says whom a row is about.

    But for those of `versions_out_of_sight`: one that is gone keeps nobody from having the rest erased.
    """
    from lifecycle.data.row_commitments import RowCommitments, rows_about

    found = []
    out_of_sight = {digest for _, digest in versions_out_of_sight(departments)}
    for name, digest in _versions(departments):
        if digest in out_of_sight:
            continue
        remaining, rows = remaining_of(departments, digest), set[int]()
        for committed in _committed(departments, digest):
            rows |= set(rows_about(departments.artifacts, RowCommitments.read(departments.artifacts, committed), subject, remaining))
        if rows:
            found.append(FoundRows(name, digest, tuple(sorted(rows))))
    return tuple(found)


def versions_out_of_sight(departments: Departments) -> list[tuple[str, Digest]]:
    """Dataset versions (name, digest) of which the artifact store lacks the rows or what opens them: nobody can say who is in them."""
    return [(name, digest) for name, digest in _versions(departments) if not _is_whole(departments, digest)]


def rows_by_number(departments: Departments, rows: tuple[tuple[str, tuple[int, ...]], ...]) -> tuple[FoundRows, ...]:
    """The rows of a model's newest dataset version with these numbers, and those of its other versions that say the same.

    Raises UnknownName where a model has no dataset version, or none of its rows has a number that is asked for.
    """
    from lifecycle.data.row_commitments import same_rows

    found = []
    for model, numbers in rows:
        newest = dataset_of(departments, model).event.subject.digest
        assert newest is not None  # an ingested dataset has a digest
        frame = dataset_rows(departments, newest)
        missing = sorted(set(numbers) - set(frame["row_id"].tolist()))
        if missing:
            raise UnknownName(
                f"The newest dataset version of {model} has no row {missing[0]}: it was erased, or never was.",
                "Rows are numbered from 0, as in their source; `lifecycle ledger log --type SubjectErased` lists what was erased.",
            )
        found.append(FoundRows(model, newest, tuple(sorted(set(numbers)))))
        out_of_sight = {digest for _, digest in versions_out_of_sight(departments)}
        for name, digest in _versions(departments):
            if name == model and digest != newest and digest not in out_of_sight:
                same = same_rows(frame, numbers, dataset_rows(departments, digest))
                found += [FoundRows(model, digest, same)] if same else []
    return tuple(found)


def singular_columns_of(departments: Departments, found: FoundRows) -> tuple[str, ...]:
    """The columns in which one of these rows says what no other row of its dataset version says."""
    from lifecycle.data.row_commitments import singular_columns

    return singular_columns(dataset_rows(departments, found.dataset_digest), found.rows)


def plan_rows(departments: Departments, found: FoundRows) -> IntendedRows:
    """What erasing these rows comes to. What will be left is in the artifact store when this returns, and nothing is gone yet.

    Raises Tampered where a row that is left does not open its commitment: nothing is built on it.
    """
    digest = found.dataset_digest
    present = remaining_of(departments, digest) or digest
    return IntendedRows(
        dataset_digest=digest,
        rows=found.rows,
        present_digest=present,
        remaining_digest=departments.artifacts.put(_left(departments, digest, present, found.rows)),
        doomed=(present, digest, *_openings(departments, digest)),
    )


def up_to_date(departments: Departments, intended: IntendedRows) -> IntendedRows:
    """The same plan, made anew where another erasure changed what it was made from."""
    present = remaining_of(departments, intended.dataset_digest) or intended.dataset_digest
    if present in (intended.present_digest, intended.remaining_digest):
        return intended
    return plan_rows(departments, FoundRows("", intended.dataset_digest, intended.rows))


def erase_unrecorded_rows(departments: Departments, planned: Collection[IntendedRows]) -> None:
    """Takes rows out of this machine's part of the artifact store that no event names: what an ingestion left that was killed.

    What is planned to be left is spared: its event is yet to come. Only while `Intents.alone` is held, so that none is under way.
    Where a version's commitments are gone, what opens its rows has no name here: then nothing is taken for unrecorded.
    """
    if not all(departments.artifacts.has(one) for _, digest in _versions(departments) for one in _committed(departments, digest)):
        return
    known = {digest for _, digest in _versions(departments)} | {rows.remaining_digest for rows in planned}
    known |= {opening for _, digest in _versions(departments) for opening in _openings(departments, digest)}
    erasures = departments.ledger.events(types=("SubjectErased",))
    known |= {rows.remaining_digest for recorded in erasures for rows in body_of(recorded, SubjectErased).datasets}
    for file in departments.artifacts.files():
        digest = "sha256:" + file.name
        if digest in known or not _holds_rows(file):
            continue
        if file.name.startswith("."):
            file.unlink(missing_ok=True)
        else:
            departments.artifacts.erase(digest)


def _holds_rows(file: Path) -> bool:
    """Whether this is a dataset, or what opens its rows: whole, or as far as it was written."""
    from lifecycle.data.columnar import holds_rows

    with file.open("rb") as stream:
        if stream.read(len(PARQUET)) != PARQUET:
            return False
    return file.name.startswith(".") or holds_rows(file)


def versions_trained_on(departments: Departments, dataset_digest: Digest) -> Iterator[tuple[str, int]]:
    """The versions of models that learned from a dataset version."""
    for recorded in departments.ledger.events(types=("ModelTrained",)):
        subject = recorded.event.subject
        if subject.version is not None and body_of(recorded, ModelTrained).dataset_digest == dataset_digest:
            yield subject.name, subject.version


def _left(departments: Departments, digest: Digest, present: Digest, rows: tuple[int, ...]) -> bytes:
    from lifecycle.data.columnar import parquet_bytes, read_rows
    from lifecycle.data.row_commitments import RowCommitments, open_rows

    store = departments.artifacts
    committed = _committed(departments, digest)
    if not committed:
        # Ingested before rows were committed to: what is left can't be held against anything.
        frame = read_rows(store, present)
        return parquet_bytes(frame[~frame["row_id"].isin(rows)].reset_index(drop=True))
    # The same content may have been committed to twice at once; an erasure goes on from one of them.
    first = RowCommitments.read(store, committed[0])
    return open_rows(store, first, None if present == digest else present).without(rows).to_parquet()


def _versions(departments: Departments) -> list[tuple[str, Digest]]:
    """Every dataset version with what the ledger calls it, once, the newest first."""
    found = departments.ledger.events(types=("DatasetIngested",), newest_first=True)
    subjects = (recorded.event.subject for recorded in found)
    return list(dict.fromkeys((subject.name, subject.digest) for subject in subjects if subject.digest is not None))


def _committed(departments: Departments, digest: Digest) -> list[Digest]:
    """The RowCommitments of a dataset version, the oldest first."""
    bodies = (body_of(recorded, DatasetIngested) for recorded in ingestions_of(departments, digest))
    return list(dict.fromkeys(body.row_commitments_digest for body in bodies if body.row_commitments_digest is not None))


def _is_whole(departments: Departments, digest: Digest) -> bool:
    """Whether the artifact store has the rows that are left of a dataset version, and what opens them."""
    store, remaining, committed = departments.artifacts, remaining_of(departments, digest), _committed(departments, digest)
    # What an erasure left has its openings in it.
    return store.has(remaining or digest) and all(
        store.has(one) and (remaining is not None or store.has(_openings_of(departments, one))) for one in committed
    )


def _openings_of(departments: Departments, committed: Digest) -> Digest:
    from lifecycle.data.row_commitments import RowCommitments

    return RowCommitments.read(departments.artifacts, committed).openings_digest


def _openings(departments: Departments, digest: Digest) -> Iterator[Digest]:
    for committed in _committed(departments, digest):
        yield _openings_of(departments, committed)
