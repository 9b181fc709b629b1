"""`lifecycle predictions`: sealed predictions as Parquet, and the check of such a file by somebody who has nothing else of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lifecycle.cli import main
from tests.life.compacting_home import CompactingHome
from tests.scenarios.homes import PROJECT


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CompactingHome:
    made = CompactingHome(tmp_path / "home")
    made.departments.ledger.close()
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(PROJECT))
    monkeypatch.setenv("LIFECYCLE_HOME", str(made.home))
    return made


def compacted(capsys: pytest.CaptureFixture[str], code: int = 0) -> dict[str, Any]:
    """What `predictions compact --json` says."""
    assert main.run(["predictions", "compact", "--json"]) == code
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    return said


def test_a_file_is_written_once_and_says_what_is_in_it(kept: CompactingHome, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows and segments, and the path; asked again there is nothing new."""
    said = compacted(capsys)
    (file,) = said["files"]
    assert Path(file["file"]).is_file()
    assert (said["rows"], len(file["segments"]), said["faults"]) == (6, 2, [])
    assert compacted(capsys)["files"] == []
    assert main.run(["predictions", "compact"]) == 0
    assert "Nothing was sealed" in capsys.readouterr().err


def test_an_auditor_checks_a_file_with_the_key_that_they_hold(
    kept: CompactingHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Elsewhere, without the home: the file, its proof, and what they trust. Another log's key proves nothing."""
    written = Path(compacted(capsys)["files"][0]["file"])
    trust, other = tmp_path / "trust", tmp_path / "other"
    trust.write_text(str(kept.departments.ledger_keys[0]))
    other.write_text(str(CompactingHome(tmp_path / "another").departments.ledger_key))
    monkeypatch.setenv("LIFECYCLE_HOME", str(tmp_path / "nowhere"))
    assert main.run(["predictions", "check", str(written), "--trust", str(trust)]) == 0
    assert "6 rows of credit, segments 1 to 2" in capsys.readouterr().out
    assert main.run(["predictions", "check", str(written), "--trust", str(trust), "--json"]) == 0
    assert [one["number"] for one in json.loads(capsys.readouterr().out)["segments"]] == [1, 2]
    assert main.run(["predictions", "check", str(written), "--trust", str(other)]) == 4
    assert not (tmp_path / "nowhere").exists()


def test_attack_a_file_in_which_a_byte_was_flipped_ends_with_4(kept: CompactingHome, capsys: pytest.CaptureFixture[str]) -> None:
    """Whichever it is."""
    written = Path(compacted(capsys)["files"][0]["file"])
    sound = written.read_bytes()
    for place in range(0, len(sound), max(1, len(sound) // 20)):
        written.write_bytes(sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :])
        assert main.run(["predictions", "check", str(written)]) == 4
    written.write_bytes(sound)
    assert main.run(["predictions", "check", str(written)]) == 0


def test_a_segment_that_was_edited_is_named_and_ends_with_4(kept: CompactingHome, capsys: pytest.CaptureFixture[str]) -> None:
    """The other one is written."""
    path = kept.log.rows(0)
    path.write_bytes(path.read_bytes().replace(b'"probability":0.5', b'"probability":0.4', 1))
    said = compacted(capsys, code=4)
    assert [len(file["segments"]) for file in said["files"]] == [1]
    assert path.name in said["faults"][0]
