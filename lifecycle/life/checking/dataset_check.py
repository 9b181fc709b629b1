"""Dataset versions held against the ledger: the part of `lifecycle ledger verify` that looks at rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lifecycle.errors import LifecycleError, Tampered, Unavailable, UnknownName
from lifecycle.ledger.verifying.findings import Finding
from lifecycle.records.bodies.data import DatasetIngested
from lifecycle.records.bodies.keeping import SubjectErased
from lifecycle.records.events import Event
from lifecycle.records.record import Digest
from lifecycle.records.remainder import Remainder
from lifecycle.wiring import Departments


@dataclass
class _Version:
    """What the ledger says of one dataset version."""

    index: int
    rows: int
    left: Remainder
    committed: list[Digest] = field(default_factory=list)


class DatasetCheck:
    """A `verifying.checks.Check`: every dataset version is in the artifact store, or what its erasures left of it is.

    A version from which nothing was erased is held against its digest. What an erasure left is held, row by row,
    against the commitments of the ingestion: the rows that are missing are those that were erased, and no others.
    """

    def __init__(self, departments: Departments) -> None:
        self._departments = departments
        self._versions: dict[Digest, _Version] = {}

    def look_at(self, index: int, event: Event) -> Iterator[Finding]:
        """Takes in what was ingested and what was erased; says nothing before the end."""
        body = event.body
        if isinstance(body, DatasetIngested) and event.subject.digest is not None:
            version = self._versions.setdefault(event.subject.digest, _Version(index, body.rows, Remainder(event.subject.digest)))
            if body.row_commitments_digest is not None:
                version.committed.append(body.row_commitments_digest)
        elif isinstance(body, SubjectErased):
            for digest in {rows.dataset_digest for rows in body.datasets} & self._versions.keys():
                self._versions[digest].left = self._versions[digest].left.after(index, body)
        yield from ()

    def end(self) -> Iterator[Finding]:
        """Each version that is missing, changed, or there again."""
        for digest, version in self._versions.items():
            try:
                told = self._wrong_with(digest, version)
            except Unavailable as error:
                yield Finding(version.index, f"the dataset version of record {version.index} can't be looked at: {error.what}", None)
                return
            except LifecycleError as error:
                told = error.what
            if told:
                yield Finding(version.index, f"the dataset version of record {version.index} ({digest}): {told}")

    def _wrong_with(self, digest: Digest, version: _Version) -> str:
        store = self._departments.artifacts
        remaining = version.left.digest
        if remaining is None:
            if not store.has(digest):
                return "its rows are missing from the artifact store, and no erasure says why"
            store.fetch(digest)
            return ""
        if store.has(digest):
            return "rows of it were erased, but it is in the artifact store again"
        if not store.has(remaining):
            return "what its erasures left is missing from the artifact store"
        return _wrong_with_what_is_left(self._departments, version, remaining)


def _wrong_with_what_is_left(departments: Departments, version: _Version, remaining: Digest) -> str:
    from lifecycle.data.columnar import read_rows
    from lifecycle.data.row_commitments import RowCommitments, open_rows

    store = departments.artifacts
    if not version.committed:
        left = {int(number) for number in read_rows(store, remaining)["row_id"]}
    else:
        try:
            opened = open_rows(store, RowCommitments.read(store, version.committed[0]), remaining)
        except (Tampered, UnknownName) as error:
            return error.what
        left = set(opened.numbers)
    missing = set(range(version.rows)) - left - version.left.erased
    if missing:
        return f"row {min(missing)} is missing, and no erasure says why"
    back = left & version.left.erased
    return f"row {min(back)} was erased, but it is there again" if back else ""
