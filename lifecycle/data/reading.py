"""From a source to typed columns, and where a field is not what its column is declared to be."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lifecycle.data.rejection import failure
from lifecycle.data.spec import DatasetSpec, Source
from lifecycle.errors import Unavailable, UnknownName
from lifecycle.records.bodies.data import ContractFailure
from lifecycle.records.record import Digest, digest_of

if TYPE_CHECKING:
    from pandas import DataFrame, Series


@dataclass(frozen=True)
class SourceRows:
    """The declared columns of a source: numbers as float64, the rest as text; missing is NaN in both.

    `failures` names each column that is absent and each field that is not a finite number where one must be;
    such fields are NaN in the frame.
    """

    digest: Digest
    frame: DataFrame
    failures: tuple[ContractFailure, ...]


def source_bytes(source: Source) -> bytes:
    """The bytes of the source as they are now. Raises UnknownName where there is none, Unavailable where it can't be read."""
    import fsspec

    try:
        with fsspec.open(source.location, "rb") as stream:
            content: bytes = stream.read()
    except FileNotFoundError as error:
        raise UnknownName(f"The source {source.name} is not at {source.location}.", "Put it there, or correct `location` in its data.py.") from error
    except (OSError, ValueError, ImportError) as error:
        raise Unavailable(f"The source {source.name} can't be read: {error}.", "Check its location and your access to it.") from error
    return content


def source_digest(source: Source) -> Digest:
    """The digest of the source as it is now: what a sensor compares to see that there is new data."""
    return digest_of(source_bytes(source))


def read_source(spec: DatasetSpec) -> SourceRows:
    """Reads once, so that the digest is of exactly the bytes that the rows come from."""
    content = source_bytes(spec.source)
    digest = digest_of(content)
    raw, unreadable = _table(spec.source, content)
    absent = [column for column in spec.source_columns if column not in raw.columns]
    failures = [*unreadable, *(failure(column, "the column is absent", []) for column in absent if not unreadable)]
    frame = raw[[column for column in spec.source_columns if column in raw.columns]].copy()
    for column in frame.columns:
        if column in spec.source_numbers:
            frame[column], not_numbers = _numbers(frame[column])
            failures += [failure(column, "is a finite number", not_numbers)] if not_numbers else []
        else:
            frame[column] = frame[column].astype("str")
    return SourceRows(digest=digest, frame=frame.reset_index(drop=True), failures=tuple(failures))


def _table(source: Source, content: bytes) -> tuple[DataFrame, list[ContractFailure]]:
    """Everything in the source, CSV fields as text; or no rows, and why it is not a table."""
    import pandas
    import pyarrow

    try:
        if source.format == "parquet":
            return pandas.read_parquet(io.BytesIO(content), engine="pyarrow"), []
        # Every field is read as text first: a reader that guesses types turns one bad field into a column of text.
        return pandas.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False, na_values=list(source.missing), encoding="utf-8"), []
    except (ValueError, pyarrow.ArrowException) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return pandas.DataFrame(), [failure("the whole file", f"is a readable {source.format} table: {reason}", [])]


def _numbers(column: Series) -> tuple[Series, list[int]]:
    """The column as float64, and the positions of the fields that are there but are no finite number."""
    import numpy
    import pandas

    numbers = pandas.to_numeric(column, errors="coerce").astype("float64")
    finite = numpy.isfinite(numbers.to_numpy())
    wrong = numpy.flatnonzero(column.notna().to_numpy() & ~finite)
    return numbers.where(finite), [int(position) for position in wrong]
