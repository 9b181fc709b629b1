"""`lifecycle access` as a person uses it: grant, look, and take back, with and without labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lifecycle.cli import main
from tests.scenarios.homes import PROJECT, copy_of_home_at_the_gate

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("life")]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home in which credit:1 was trained, and nobody was granted access."""
    departments, _ = copy_of_home_at_the_gate(tmp_path)
    departments.ledger.close()
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(PROJECT))
    monkeypatch.setenv("LIFECYCLE_HOME", str(departments.settings.home))


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main.run(["access", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def granted(*more: str) -> tuple[str, ...]:
    return ("grant", "portal", "--model", "credit", "--reason", "ours", *more)


def test_labels_are_granted_when_they_are_asked_for_and_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """None without the option, of those it asked for, or of anybody's: in what `grant` and `list` say to programs and to people."""
    rights = [said(capsys, *granted(*more))["labels"] for more in ((), ("--labels", "own"), ("--labels", "any"))]
    assert rights == [None, "own", "any"]
    assert [one["labels"] for one in said(capsys, "list")] == rights
    assert main.run(["access", *granted("--labels", "own")]) == 0
    assert "It may send labels of the predictions that it asked for." in capsys.readouterr().out
    assert main.run(["access", "list"]) == 0
    table = capsys.readouterr().out
    assert [word in table for word in ("labels", "none", "own", "any")] == [True] * 4


def test_a_right_that_there_is_not_is_refused_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing is granted."""
    assert main.run(["access", *granted("--labels", "all")]) == 2
    assert "'own', 'any'" in capsys.readouterr().err
    assert said(capsys, "list") == []
