"""kill -9 before each write of a restore: the old ledger stands, or the restored one, whole, and it can be run again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lifecycle.ledger.log_key.signing import sign_ledger
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.life.keeping.backing_up import back_up
from lifecycle.life.keeping.restoring import restore
from tests.ledger.happenings import trained
from tests.scenarios.homes import PROJECT, departments_at

KILLED = -9


def grown(home: Path, first: int, count: int) -> str:
    """Records more, signed; the note."""
    departments = departments_at(home)
    _ = departments.ledger_key
    with departments.ledger.writing() as writer:
        writer.append_all([trained(first + number, model="fraud") for number in range(count)])
    departments.ledger.close()
    return signed(home)


def signed(home: Path) -> str:
    settings = departments_at(home).settings
    return sign_ledger(settings.ledger_url, home / "keys" / "ledger.key", settings.origin)


def restore_until_killed(home: Path, file: Path, writes: int) -> int:
    """A restore in a process of its own that is killed before its n-th write; its exit code."""
    command = [sys.executable, "-m", "tests.faults.restoring_child", str(home), str(file), str(writes)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, check=False, timeout=120).returncode


@pytest.mark.slow
def test_a_restore_killed_before_any_of_its_writes_leaves_a_whole_ledger(tmp_path: Path) -> None:
    """Whichever write it was: what stands verifies, the signer goes on from it, and the same restore goes through."""
    template, file = tmp_path / "template", tmp_path / "backup.db"
    grown(template, 1, 4)
    departments = departments_at(template)
    back_up(departments, file)
    departments.ledger.close()
    grown(template, 5, 5)
    seen = set()
    for writes in range(100):
        home = tmp_path / f"killed-{writes}"
        shutil.copytree(template, home)
        code = restore_until_killed(home, file, writes)
        assert code in (0, KILLED)
        departments = departments_at(home)
        result = verify_ledger(departments.settings.ledger_url, departments.ledger_key)
        assert result.findings == (), f"killed before write {writes}"
        seen.add(result.size)
        signed(home)
        done = restore(departments, file, reason="The same, again.")
        departments.ledger.close()
        assert (done.backup_size, done.lost > 0) == (4, True)
        assert verify_ledger(departments.settings.ledger_url, departments.ledger_key).findings == ()
        shutil.rmtree(home)
        if code == 0:
            break
    else:
        pytest.fail("it never ended by itself")
    assert seen == {9, 5}
