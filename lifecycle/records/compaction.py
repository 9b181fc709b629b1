"""What stands beside the Parquet of predictions: which segments its rows are of, and what proves each of them."""

from __future__ import annotations

from typing import Literal

from lifecycle.records.record import Count, Digest, Id, Name, Record
from lifecycle.records.rollout import LedgerProof


class CompactedSegment(Record):
    """One sealed segment: its rows, in their order, are the leaves of the tree under `root` (RFC 6962)."""

    segment: str
    #: Its place in its stream.
    number: Count
    rows: Count
    root: Digest
    #: That the event which sealed it, and has the root, stands in the signed ledger.
    seal: LedgerProof


class CompactedPredictions(Record):
    """`_<first>-<last>.proof.json` beside `<first>-<last>.parquet`: whoever holds both needs nothing else, and nobody's word."""

    schema_version: Literal["lifecycle.compacted/1"] = "lifecycle.compacted/1"
    model: Name
    stream: Id
    #: In the file.
    rows: Count
    file: str
    digest: Digest
    #: In the order in which their rows stand in the file.
    segments: tuple[CompactedSegment, ...]
