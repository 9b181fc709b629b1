"""What a bench measures, prints and writes."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from bench.measuring import Timings, in_turn, machine, main


def test_things_that_are_compared_take_turns() -> None:
    """Round by round, so that a busy moment falls on all of them."""
    order: list[str] = []
    timings = in_turn((lambda: order.append("a"), lambda: order.append("b")), 3)
    assert order == ["a", "b"] * 3
    assert [len(timing.seconds) for timing in timings] == [3, 3]


def test_the_median_counts() -> None:
    """One slow round does not move a figure."""
    assert Timings((1.0, 99.0, 2.0)).median == 2.0


def test_a_bench_writes_what_it_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The file of `--json` and standard output hold the same figures, with the machine."""
    target = tmp_path / "results" / "act.json"
    monkeypatch.setattr(sys, "argv", ["act", "--json", str(target), "--rounds", "2"])
    main("act", lambda rounds: {"rounds_asked": rounds})
    written = json.loads(target.read_text(encoding="utf-8"))
    assert written == json.loads(capsys.readouterr().out)
    assert written["rounds_asked"] == 2
    assert written["machine"] == machine()


def test_the_machine_has_no_name() -> None:
    """Figures say what they were taken on, never where."""
    import socket

    assert socket.gethostname() not in json.dumps(machine())


def test_every_bench_is_listed(repository: Path) -> None:
    """bench/README.md has a row for each bench, and no other."""
    benches = {path.stem for path in (repository / "bench").glob("*.py")} - {"__init__", "__main__", "measuring"}
    text = (repository / "bench" / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([a-z_]+)` \|", text, re.MULTILINE)) == benches
