"""Fault: kill -9 of the desk between somebody's signature and its record."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lifecycle.desk.desk import Desk
from lifecycle.desk.signing import resume_signing
from tests.approvals.waiting_version import departments_of, shown, wait_for_approval
from tests.desk.desks import DeskUnderTest, desk_of
from tests.faults.signing_child import POINTS


@pytest.fixture
def desk(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DeskUnderTest:
    shown(monkeypatch, "ada")
    departments = departments_of(repository, tmp_path)
    wait_for_approval(departments)
    return desk_of(departments, tmp_path / "desk")


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_what_was_signed_is_recorded_once_wherever_the_desk_was_killed(
    desk: DeskUnderTest, repository: Path, tmp_path: Path, point: str
) -> None:
    """The next desk goes on, or whoever signed sends the same answer again; the passkey's count is neither lost nor held against them."""
    officer = desk.enrolled("officer", roles=("risk",))
    begun = officer.begin()
    credential = officer.authenticator.sign(begun.json()["options"])
    answer = {"ceremony": begun.json()["ceremony"], "credential": credential}
    (tmp_path / "answer.json").write_text(json.dumps(answer))
    killed = subprocess.run(
        [sys.executable, "-m", "tests.faults.signing_child", str(tmp_path), point], cwd=repository, capture_output=True, timeout=120
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-2_000:]
    recorded = desk.types().count("ApprovalGiven")
    assert recorded == (1 if point == "after it is recorded" else 0)
    resume_signing(Desk(desk.departments, desk.settings))
    assert desk.types().count("ApprovalGiven") == (0 if point == "before the count is taken in" else 1)
    assert officer.finish(begun, credential).status_code == 200
    assert desk.types().count("ApprovalGiven") == 1
    assert "ApprovalBarred" not in desk.types()
