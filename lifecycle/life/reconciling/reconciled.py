"""What reconciliation finds: contradictions, and what is told without being wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lifecycle.records.record import Microseconds

#: Who was held against the ledger.
Source = Literal["dagster", "gateway", "ledger"]
#: A contradiction, in one word for programs.
Kind = Literal["runless", "unrecorded", "unrecorded_run", "check", "gap", "rows_missing", "journal_behind", "rows_differ", "stream_unknown"]


@dataclass(frozen=True)
class Contradiction:
    """Two accounts of one thing that can't both be true."""

    source: Source
    kind: Kind
    what: str
    run_id: str | None = None
    index: int | None = None
    at_us: Microseconds | None = None


@dataclass(frozen=True)
class Told:
    """Something that a reader should know, and that nothing is wrong with."""

    source: Source
    what: str
    at_us: Microseconds | None = None


@dataclass(frozen=True)
class Reconciliation:
    """The result. `looked_at` counts what each account holds."""

    size: int
    looked_at: dict[str, int]
    contradictions: tuple[Contradiction, ...]
    told: tuple[Told, ...]

    @property
    def ok(self) -> bool:
        return not self.contradictions
