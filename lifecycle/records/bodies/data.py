"""What happens to data."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lifecycle.records.bodies.body import Body
from lifecycle.records.record import Count, Digest, Name, Record, is_none


class ColumnProfile(Record):
    """Counts only: no value of a row ever stands in a leaf."""

    column: str
    kind: Literal["number", "text"]
    missing: Count
    distinct: Count


class ContractFailure(Record):
    """A check that rows failed, and where: positions in the source (0-based, data rows), never values."""

    column: str
    check: str
    failures: Count
    positions: tuple[Count, ...]


class DatasetIngested(Body):
    source: str
    source_digest: Digest
    contract: str
    contract_digest: Digest
    rows: Count
    splits: dict[Name, Count]
    columns: tuple[ColumnProfile, ...]
    licence: str
    classification: Literal["public", "internal", "confidential", "personal"]
    regions: tuple[str, ...]
    single_feature_auc: dict[str, float]
    leaking_columns: tuple[str, ...]
    duplicate_rows: Count
    suspected_label_flips: Count
    #: The salted commitments to each row, in order, as an artifact: what is left after an erasure is held against them. None where
    #: a dataset version was ingested before rows were committed to.
    row_commitments_digest: Digest | None = Field(default=None, exclude_if=is_none)


class DatasetRejected(Body):
    source: str
    source_digest: Digest
    contract: str
    rows: Count
    reason: str
    failures: tuple[ContractFailure, ...]
    leaking_columns: tuple[str, ...]
