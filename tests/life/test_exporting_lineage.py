"""The export of the whole lineage: read once, written in every format, and the same bytes each time."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.life.lineage import export_lineage
from lifecycle.lineage import export
from lifecycle.lineage.export import FORMATS, Lineage
from lifecycle.lineage.ports import Ledger
from lifecycle.records.record import digest_of
from tests.lineage import lives
from tests.scenarios.homes import departments_at


def test_the_ledger_is_read_once_for_all_formats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file lies in the folder of its format, and the digest is that of all of them."""
    read: list[Ledger] = []
    lineage_of = export.lineage_of

    def counted(ledger: Ledger) -> Lineage:
        read.append(ledger)
        return lineage_of(ledger)

    monkeypatch.setattr(export, "lineage_of", counted)
    departments = departments_at(tmp_path / "home")
    with departments.ledger.writing() as writer:
        writer.append_all([one.event for one in lives.whole_life().recorded])
    exported = export_lineage(departments, tmp_path / "out")
    assert len(read) == 1
    assert [path.parent.name for path in exported.files] == list(FORMATS)
    assert {path: path.read_bytes() for path in exported.files} == exported.files
    assert exported.size == departments.ledger.head().size
    assert exported.digest == digest_of(b"".join(exported.files.values()))
    assert export_lineage(departments, tmp_path / "again").digest == exported.digest
