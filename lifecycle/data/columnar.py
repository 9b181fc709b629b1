"""Datasets as Parquet: the same rows give the same bytes, and bytes come back only under their digest.

The bytes depend on the version of pyarrow, which writes its name into them; the lock pins it.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from lifecycle.data.spec import ROW_ID, ROW_SALT, ROW_SUBJECT, SPLIT
from lifecycle.errors import MalformedRecord

if TYPE_CHECKING:
    from pathlib import Path

    from pandas import DataFrame

    from lifecycle.data.ports import DatasetStore
    from lifecycle.records.record import Digest


def parquet_bytes(frame: DataFrame) -> bytes:
    """The rows as Parquet (zstd), in their order, without an index and without pandas' own notes, which name versions."""
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    written = io.BytesIO()
    parquet.write_table(table, written, compression="zstd", version="2.6", row_group_size=131_072)
    return written.getvalue()


def read_dataset(store: DatasetStore, digest: Digest) -> DataFrame:
    """The rows of a dataset version, or what an erasure left of one, checked against the digest; a fresh frame each time.

    Raises UnknownName where the store has no such bytes, Tampered where they are not what the digest says.
    """
    return read_rows(store, digest).drop(columns=[ROW_SALT, ROW_SUBJECT], errors="ignore")


def read_rows(store: DatasetStore, digest: Digest) -> DataFrame:
    """The same with everything that the artifact holds, so with what opens the rows where it lies among them."""
    import pandas as pd
    import pyarrow as pa

    try:
        return pd.read_parquet(store.fetch(digest), engine="pyarrow")
    except (pa.ArrowException, ValueError) as error:
        raise MalformedRecord(f"{digest} is not a dataset.", "Name the digest of a DatasetIngested event.") from error


def holds_rows(file: Path) -> bool:
    """Whether a Parquet file is a dataset version, what an erasure left of one, or what opens its rows: by its columns."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        columns = parquet.read_schema(file).names
    except (pa.ArrowException, OSError):
        return False
    return ROW_SALT in columns or {ROW_ID, SPLIT} <= set(columns)
