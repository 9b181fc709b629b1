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
    from pyarrow import Table


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
        raise UnknownName(
            f"The source {source.name} is not at {source.location}.", "Put it there, or correct `location` in its data.py."
        ) from error
    except (OSError, ValueError, ImportError) as error:
        raise Unavailable(f"The source {source.name} can't be read: {error}.", "Check its location and your access to it.") from error
    return content


def source_digest(source: Source) -> Digest:
    """The digest of the source as it is now: what a sensor compares to see that there is new data."""
    return digest_of(source_bytes(source))


def read_source(spec: DatasetSpec) -> SourceRows:
    """Reads once, so that the digest is of exactly the bytes that the rows come from."""
    content = source_bytes(spec.source)
    frame, failures = _columns(spec, content)
    for column in frame.columns:
        if column in spec.source_numbers:
            frame[column], not_numbers = _numbers(frame[column])
            failures += [failure(column, "is a finite number", not_numbers)] if not_numbers else []
        else:
            frame[column] = frame[column].astype("str")
    return SourceRows(digest=digest_of(content), frame=frame, failures=tuple(failures))


def _columns(spec: DatasetSpec, content: bytes) -> tuple[DataFrame, list[ContractFailure]]:
    """The declared columns that the source has, CSV fields as text; or no rows, and why it is not a table."""
    import pandas as pd
    import pyarrow as pa
    from pyarrow import parquet

    misshapen: list[int] = []
    if spec.source.format == "csv" and content.count(b'"') % 2:
        # Arrow reads a field without its closing quote up to the end of the file, rows and all. A quote inside a field
        # is doubled, so a sound file has an even number of them.
        return pd.DataFrame(), [failure("the whole file", "closes every quote", [])]
    try:
        table = parquet.read_table(io.BytesIO(content)) if spec.source.format == "parquet" else _csv(spec, content, misshapen)
    except pa.ArrowException:
        return pd.DataFrame(), [failure("the whole file", f"is a readable {spec.source.format} table", [])]
    if misshapen:
        # The rows that are left have moved up, so no position past this check could be trusted.
        return pd.DataFrame(), [failure("the whole row", f"has {table.num_columns} fields", misshapen)]
    wanted, names = spec.source_columns, table.column_names
    odd = [failure(column, "the column is absent", []) for column in wanted if column not in names]
    odd += [failure(column, "the column is there once", []) for column in wanted if names.count(column) > 1]
    return table.select([column for column in wanted if names.count(column) == 1]).to_pandas(), odd


def _csv(spec: DatasetSpec, content: bytes, misshapen: list[int]) -> Table:
    """Every declared column as text: a reader that guesses types turns one bad field into a column of text.

    Rows with a field too many or too few are left out and their positions added to `misshapen`. (pandas shifts such
    rows or fills them up in silence; Arrow's own error for them quotes the row, which must not reach a record.)
    """
    from pyarrow import csv, string

    def set_aside(row: csv.InvalidRow) -> str:
        misshapen.append(row.number - 2)  # Arrow counts from 1, and the header is its first row.
        return "skip"

    return csv.read_csv(
        io.BytesIO(content),
        read_options=csv.ReadOptions(use_threads=False),  # With threads Arrow does not know the number of a row.
        parse_options=csv.ParseOptions(newlines_in_values=True, invalid_row_handler=set_aside),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(spec.source_columns, string()), null_values=list(spec.source.missing), strings_can_be_null=True
        ),
    )


def _numbers(column: Series) -> tuple[Series, list[int]]:
    """The column as float64, and the positions of the fields that are there but are no finite number."""
    import numpy as np
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce").astype("float64")
    finite = np.isfinite(numbers.to_numpy())
    wrong = np.flatnonzero(column.notna().to_numpy() & ~finite)
    return numbers.where(finite), [int(position) for position in wrong]
