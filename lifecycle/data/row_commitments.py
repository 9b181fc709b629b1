"""Salted commitments to the rows of a dataset version: what is left after an erasure is held against them, row by row.

The digest of a dataset version covers its rows together, so one row fewer and nothing could be checked any more. A row's
commitment is SHA-256(salt ‖ RFC 8785 bytes of `{column: value}`), a missing value is null. The commitments are one artifact, which
the event of the ingestion names. What opens them (the salts and, where it is declared, whom each row is about) is
another, which lies beside the rows and goes with them.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lifecycle.data.columnar import parquet_bytes, read_rows
from lifecycle.data.spec import ROW_ID, ROW_SALT, ROW_SUBJECT, SPLIT
from lifecycle.errors import Tampered
from lifecycle.records.identity import SALT_BYTES, commitment_to
from lifecycle.records.record import Digest, JsonObject, Record

if TYPE_CHECKING:
    from pandas import DataFrame

    from lifecycle.data.ports import DatasetStore


class RowCommitments(Record):
    """The commitments of every row of one dataset version, in the order of their numbers."""

    schema_version: Literal["lifecycle.row-commitments/1"] = "lifecycle.row-commitments/1"
    dataset_digest: Digest
    #: What opens them, as Parquet: a salt per row and, where the dataset declares it, whom the row is about.
    openings_digest: Digest
    commitments: tuple[Digest, ...]

    @classmethod
    def read(cls, store: DatasetStore, digest: Digest) -> RowCommitments:
        """Those of this digest. Raises UnknownName and Tampered as the store does."""
        return cls.parse(store.fetch(digest).read_bytes())


@dataclass(frozen=True, eq=False)
class OpenRows:
    """Rows with what opens their commitments, in the order of their numbers.

    `frame` has the columns of a dataset version, `salts` are in hex; `subjects` says whom each row is about, None where
    the dataset does not declare it.
    """

    frame: DataFrame
    salts: tuple[str, ...]
    subjects: tuple[str | None, ...] | None

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of the rows in their dataset version."""
        return tuple(int(number) for number in self.frame[ROW_ID])

    def commitments(self) -> Iterator[Digest]:
        """The commitment that each row opens."""
        for salt, values in zip(self.salts, row_values(self.frame), strict=True):
            yield commitment_to(values, bytes.fromhex(salt))

    def without(self, rows: Collection[int]) -> OpenRows:
        """These rows but for those with these numbers."""
        gone = set(rows)
        kept = [position for position, number in enumerate(self.numbers) if number not in gone]
        subjects = None if self.subjects is None else tuple(self.subjects[position] for position in kept)
        return OpenRows(self.frame.iloc[kept].reset_index(drop=True), tuple(self.salts[position] for position in kept), subjects)

    def to_parquet(self) -> bytes:
        """The rows with their salts in one file; the same rows give the same bytes."""
        import pandas as pd

        return parquet_bytes(pd.concat([self.frame, _opening_columns(self.salts, self.subjects)], axis=1))


def commit_to_rows(store: DatasetStore, dataset_digest: Digest, frame: DataFrame, subjects: Sequence[str | None] | None) -> Digest:
    """Commits to every row under a salt of its own and keeps what opens the commitments; returns the digest of the RowCommitments.

    `frame` is the dataset version of this digest, `subjects` says whom each of its rows is about.
    """
    salts = tuple(secrets.token_hex(SALT_BYTES) for _ in range(len(frame)))
    opened = OpenRows(frame, salts, None if subjects is None else tuple(subjects))
    openings = store.put(parquet_bytes(_opening_columns(salts, opened.subjects)))
    committed = RowCommitments(dataset_digest=dataset_digest, openings_digest=openings, commitments=tuple(opened.commitments()))
    return store.put(committed.canonical())


def open_rows(store: DatasetStore, committed: RowCommitments, remaining: Digest | None = None) -> OpenRows:
    """The rows of a dataset version with what opens them, or what an erasure left (`remaining`, by its digest).

    Raises UnknownName where the store lacks them, Tampered where a row does not open its commitment or was not there.
    """
    if remaining is None:
        frame, openings = read_rows(store, committed.dataset_digest), read_rows(store, committed.openings_digest)
    else:
        both = read_rows(store, remaining)
        frame, openings = both.drop(columns=[ROW_SALT, ROW_SUBJECT], errors="ignore"), both
    subjects = None
    if ROW_SUBJECT in openings:
        subjects = tuple(None if value != value else value for value in openings[ROW_SUBJECT].tolist())
    opened = OpenRows(frame, tuple(openings[ROW_SALT].tolist()), subjects)
    for number, commitment in zip(opened.numbers, opened.commitments(), strict=True):
        if not 0 <= number < len(committed.commitments) or committed.commitments[number] != commitment:
            raise Tampered(
                f"Row {number} of the dataset version {committed.dataset_digest} is not the row that was committed to.",
                "Keep the artifact for whoever investigates, and restore it from a copy of the store.",
            )
    return opened


def rows_about(store: DatasetStore, committed: RowCommitments, subject: str, remaining: Digest | None = None) -> tuple[int, ...]:
    """The numbers of the rows that are about somebody, of those that are left. Raises UnknownName and Tampered as the store does."""
    openings = read_rows(store, committed.openings_digest if remaining is None else remaining)
    if ROW_SUBJECT not in openings:
        return ()
    numbers = openings[ROW_ID].tolist() if ROW_ID in openings else range(len(openings))
    return tuple(int(number) for number, about in zip(numbers, openings[ROW_SUBJECT].tolist(), strict=True) if about == subject)


def row_values(frame: DataFrame) -> Iterator[JsonObject]:
    """What a row's commitment is to: its values by column, null for what is missing."""
    names = [str(name) for name in frame.columns]
    columns = [[None if value != value else value for value in frame[name].tolist()] for name in frame.columns]
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))


def same_rows(frame: DataFrame, wanted: Collection[int], other: DataFrame) -> tuple[int, ...]:
    """The numbers of the rows of `other` that say the same as the rows of `frame` with the `wanted` numbers.

    The same in every column that both have, but for the number and the split.
    """
    shared = [name for name in frame.columns if name in other.columns and name not in (ROW_ID, SPLIT)]
    sought = {_key(values) for values, number in zip(row_values(frame[shared]), frame[ROW_ID], strict=True) if number in wanted}
    return tuple(int(number) for values, number in zip(row_values(other[shared]), other[ROW_ID], strict=True) if _key(values) in sought)


def singular_columns(frame: DataFrame, wanted: Collection[int]) -> tuple[str, ...]:
    """The columns in which one of these rows says what no other row says: the smallest or largest number, or a text of its own.

    Such a value can be read off the scale of a report or the vocabulary of a model, where all others are lost in a crowd.
    """
    chosen = frame[ROW_ID].isin(list(wanted))
    ours, others = frame[chosen], frame[~chosen]
    found = []
    for name in (str(name) for name in frame.columns if name not in (ROW_ID, SPLIT)):
        mine, theirs = ours[name].dropna(), others[name].dropna()
        if frame[name].dtype.kind in "fiu":
            alone = bool(len(mine)) and (not len(theirs) or mine.min() < theirs.min() or mine.max() > theirs.max())
        else:
            alone = not set(mine) <= set(theirs)
        found += [name] if alone else []
    return tuple(found)


def _key(values: JsonObject) -> tuple[object, ...]:
    return tuple(values.values())


def _opening_columns(salts: Sequence[str], subjects: Sequence[str | None] | None) -> DataFrame:
    import pandas as pd

    columns: dict[str, Sequence[str | None]] = {ROW_SALT: salts}
    if subjects is not None:
        columns[ROW_SUBJECT] = subjects
    return pd.DataFrame(columns, dtype="str")
