"""The predictions as an asset: written every day, and red where a segment is not what was sealed."""

from __future__ import annotations

from pathlib import Path

from tests.life.compacting_home import CompactingHome
from tests.scenarios.homes import departments_at
from tests.stages.runs import run


def test_a_home_in_which_nothing_was_answered_is_compacted_too(tmp_path: Path) -> None:
    """The daily run of the first night does not fail."""
    result = run(departments_at(tmp_path / "home"), "audit_compaction")
    assert result.success
    (made,) = result.asset_materializations_for_node("audit__predictions")
    assert made.metadata["rows"].value == 0


def test_a_segment_that_was_tampered_with_fails_the_run_once_the_others_are_written(tmp_path: Path) -> None:
    """Whoever looks at Dagster sees it; what holds is in its file."""
    kept = CompactingHome(tmp_path / "home")
    path = kept.log.rows(0)
    path.write_bytes(path.read_bytes().replace(b'"probability":0.5', b'"probability":0.4', 1))
    assert not run(kept.departments, "audit_compaction").success
    assert [file.name for file in (kept.home / "exports" / "predictions").rglob("*.parquet")] == ["000000002-000000002.parquet"]
