"""A home whose sealed predictions are compacted."""

from __future__ import annotations

from pathlib import Path

from lifecycle.life.compaction import Compacted, compact_predictions
from lifecycle.wiring import Departments
from tests.scenarios.homes import departments_at
from tests.serving.sealed_log import SealedLog


class CompactingHome:
    """A home whose gateway has sealed segments of three rows each, and whose ledger knows them."""

    def __init__(self, home: Path, segments: int = 2) -> None:
        self.departments: Departments = departments_at(home)
        self.home = home
        self.log = SealedLog(home, segments)
        self._told = 0
        self.tell()

    def tell(self) -> None:
        """Enters in the ledger what was sealed since."""
        for event in self.log.events[self._told :]:
            self.departments.ledger.append(event)
        self._told = len(self.log.events)

    def compact(self) -> Compacted:
        return compact_predictions(self.departments, self.home / "exports")

    def files(self) -> list[Path]:
        return sorted((self.home / "exports").rglob("*.parquet"))
