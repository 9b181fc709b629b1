"""The rows of a dataset version as they may be handed on."""

from __future__ import annotations

import io
from dataclasses import dataclass

from lifecycle.errors import MalformedRecord, UnknownName
from lifecycle.lineage.ports import Artifacts, Ledger
from lifecycle.records.record import Digest, digest_of
from lifecycle.records.remainder import remainder_of


@dataclass(frozen=True)
class HandedOn:
    """The file of rows that a description names: its digest, its content where a store was at hand, and the erasures before it."""

    digest: Digest
    content: bytes | None
    erasures: tuple[int, ...]


def handed_on(ledger: Ledger, artifacts: Artifacts | None, dataset: Digest) -> HandedOn:
    """The rows of a dataset version, or what erasures left of them, without what opens the commitments of the others.

    What an erasure leaves lies in the store together with salts and with whom each row is about: these stay there, so the file that is
    handed on has a digest of its own. Without a store, or where it lacks the rows, the digest is that of the artifact.
    """
    left = remainder_of(dataset, ledger.events(types=("SubjectErased",)))
    try:
        content = None if artifacts is None else artifacts.read(left.present)
    except UnknownName:
        content = None
    if content is not None and left.indexes:
        content = _without_openings(content)
    return HandedOn(left.present if content is None else digest_of(content), content, left.indexes)


def _without_openings(content: bytes) -> bytes:
    import pandas as pd
    import pyarrow as pa

    from lifecycle.data.columnar import parquet_bytes
    from lifecycle.data.spec import ROW_SALT, ROW_SUBJECT

    try:
        rows = pd.read_parquet(io.BytesIO(content), engine="pyarrow")
    except (pa.ArrowException, ValueError) as error:
        raise MalformedRecord(
            "What an erasure left of the dataset is no table of rows.", "Run `lifecycle ledger verify`; restore the artifact from a copy."
        ) from error
    return parquet_bytes(rows.drop(columns=[ROW_SALT, ROW_SUBJECT], errors="ignore"))
