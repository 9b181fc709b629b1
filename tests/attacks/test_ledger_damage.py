"""Damage to any byte: of a record, or of the database's file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifecycle.errors import LifecycleError
from lifecycle.ledger.verification import verify_ledger
from tests.ledger.happenings import tamper
from tests.ledger.victim import Victim, checkpointed, rebuild_without_constraints


@pytest.fixture
def victim(tmp_path: Path) -> Victim:
    return Victim(tmp_path)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Victim:
    return Victim(tmp_path_factory.mktemp("victim"))


@pytest.mark.parametrize("value", ["'text'", "NULL", "12", "zeroblob(0)", "CAST('{}' AS BLOB)", "CAST(x'ff00fe' AS TEXT)"])
def test_bytes_of_another_kind_are_a_finding_and_no_crash(victim: Victim, value: str) -> None:
    """Whatever stands where the record stood is reported."""
    rebuild_without_constraints(victim.file)
    tamper(victim.file, f"UPDATE events SET stored = {value} WHERE leaf_index = 5")
    result = victim.verify()
    assert result.level == "none"
    assert 5 in [finding.index for finding in result.findings]


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(index=st.integers(0, 11), data=st.data())
def test_no_flipped_byte_of_any_record_goes_unnoticed(template: Victim, tmp_path: Path, index: int, data: st.DataObject) -> None:
    """Whatever byte of whatever record is changed to whatever else: that record is named."""
    file = tmp_path / "flipped.db"
    file.unlink(missing_ok=True)
    file.write_bytes(checkpointed(template))
    with closing(sqlite3.connect(file)) as connection:
        stored = bytearray(connection.execute("SELECT stored FROM events WHERE leaf_index = ?", (index,)).fetchone()[0])
        at = data.draw(st.integers(0, len(stored) - 1))
        stored[at] ^= data.draw(st.integers(1, 255))
        connection.execute("DROP TRIGGER events_refuse_update")
        connection.execute("UPDATE events SET stored = ? WHERE leaf_index = ?", (bytes(stored), index))
        connection.commit()
    result = verify_ledger(f"sqlite:///{file}", template.log_key, template.held)
    assert result.level == "none"
    assert index in [finding.index for finding in result.findings]


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_a_damaged_file_ends_in_a_finding_or_in_an_error_of_ours(template: Victim, tmp_path: Path, data: st.DataObject) -> None:
    """Random damage to the file itself never crashes the verifier, and never makes it say that other records hold."""
    content = bytearray(checkpointed(template))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file = tmp_path / "damaged.db"
    file.write_bytes(content)
    try:
        result = verify_ledger(f"sqlite:///{file}", template.log_key, template.held)
    except LifecycleError:
        return
    if result.ok:
        # The damage missed everything that is read: free space, an index, a statistic.
        assert (result.size, result.root) == (12, verify_ledger(template.url, template.log_key).root)
