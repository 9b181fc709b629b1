"""kill -9 before each write of an erasure: the next run finishes it, and nothing is left of the value or unsaid."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lifecycle.errors import UnknownName
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.life.gates.standing import body_of
from lifecycle.life.keeping.dataset_rows import dataset_rows
from lifecycle.life.keeping.erasure import erase
from lifecycle.records.bodies.keeping import SubjectErased
from tests.life.kept_home import INCOME, NAME, PERSON, SUBJECT, TOWN, KeptHome
from tests.scenarios.homes import PROJECT, departments_at

KILLED = -9


def erase_until_killed(home: Path, subject: str, writes: int) -> int:
    """An erasure in a process of its own that is killed before its n-th write; its exit code."""
    command = [sys.executable, "-m", "tests.faults.erasing_child", str(home), subject, str(writes)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, check=False, timeout=120).returncode


@pytest.mark.slow
@pytest.mark.parametrize(("subject", "traces"), [(SUBJECT, (SUBJECT, INCOME, TOWN)), (PERSON, (NAME,))], ids=["data", "a person"])
def test_an_erasure_killed_before_any_of_its_writes_is_finished_by_the_next(
    tmp_path: Path, subject: str, traces: tuple[str | float, ...]
) -> None:
    """Whichever write it was: afterwards no file has the value, one erasure is recorded, and every record and row holds."""
    kept = KeptHome(tmp_path / "template")
    kept.writer.close()
    kept.departments.ledger.close()
    template = kept.home
    for writes in range(200):
        home = tmp_path / f"killed-{writes}"
        shutil.copytree(template, home)
        code = erase_until_killed(home, subject, writes)
        assert code in (0, KILLED)
        kept.home, kept.departments = home, departments_at(home)
        if code == 0:
            break
        try:
            erase(kept.departments, subject, reason="The same, again.")
        except UnknownName:
            pytest.fail(f"killed before write {writes}: nothing was left to finish, and nothing was recorded")
        assert kept.found(*traces) == [], f"killed before write {writes}"
        assert list((home / "erasures").iterdir()) == []
        recorded = [body_of(found, SubjectErased) for found in kept.departments.ledger.events(types=("SubjectErased",))]
        assert len({body.erasure_id for body in recorded}) == 1
        result = verify_ledger(kept.departments.ledger, kept.departments.ledger_key)
        assert result.findings == (), f"killed before write {writes}"
        if subject == SUBJECT:
            assert len(dataset_rows(kept.departments, kept.second.event.subject.digest or "")) == 357
        kept.departments.ledger.close()
        shutil.rmtree(home)
    else:
        pytest.fail("it never ended by itself")
    assert writes > 5
    assert kept.found(*traces) == []
