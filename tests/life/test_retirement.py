"""Retiring a version: what is over can be said to be over, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.cli import main
from lifecycle.errors import Refused, UnknownName
from lifecycle.life.gates import standing
from lifecycle.life.people.approval import approve_version
from lifecycle.life.retirement import retire_version
from tests.scenarios.homes import PROJECT, copy_of_home_at_the_gate


def test_a_denied_version_is_retired_once_and_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What waits is not over; what a person refused is. Retired, nothing more can happen to it."""
    departments, cast = copy_of_home_at_the_gate(tmp_path)
    with pytest.raises(Refused, match="waiting"):
        retire_version(departments, "credit", 1, reason="nobody wants it")
    assert standing.states(departments)["credit", 1] == "waiting"
    officer = cast.officer
    approve_version(departments, "credit", 1, person=officer, key_file=cast.key(officer), reason="no", decision="reject")
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(PROJECT))
    monkeypatch.setenv("LIFECYCLE_HOME", str(departments.settings.home))
    assert main.run(["retire", "credit:1", "--reason", "replaced for good"]) == 0
    assert "is retired in local" in capsys.readouterr().out
    assert standing.states(departments)["credit", 1] == "retired"
    with pytest.raises(Refused):
        retire_version(departments, "credit", 1, reason="again")


def test_what_is_not_there_and_a_reason_that_says_nothing_are_refused(tmp_path: Path) -> None:
    """With the versions that there are."""
    departments, _ = copy_of_home_at_the_gate(tmp_path)
    with pytest.raises(UnknownName, match="credit:9"):
        retire_version(departments, "credit", 9, reason="gone")
    before = departments.ledger.head()
    assert main.run(["retire", "credit", "--reason", "x"]) == 2
    assert departments.ledger.head() == before
