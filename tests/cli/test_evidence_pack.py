"""`lifecycle evidence pack`: what is asked for, what is written, and what makes no sense."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lifecycle.cli import main
from lifecycle.life import packing
from lifecycle.records.record import digest_of
from tests.evidence.house import ORIGIN, House, lived
from tests.evidence.packs import files_of, verify
from tests.scenarios.homes import PROJECT


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """A house that is the home of the command line."""
    house = lived(tmp_path / "house")
    for name, value in {
        "LIFECYCLE_PROJECT": str(PROJECT),
        "LIFECYCLE_HOME": str(house.folder),
        "LIFECYCLE_LEDGER_URL": house.url,
        "LIFECYCLE_LEDGER_ORIGIN": ORIGIN,
        "LIFECYCLE_ARTIFACTS_URL": (house.folder / "artifacts").as_uri(),
    }.items():
        monkeypatch.setenv(name, value)
    return house


def test_a_version_is_packed_into_one_file(house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It verifies, and what is printed is about it."""
    out = tmp_path / "pack.zip"
    assert main.run(["evidence", "pack", "--model", "credit", "--version", "1", "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["of"], told["digest"]) == ("credit:1", digest_of(out.read_bytes()))
    assert told["files"] == len(files_of(out.read_bytes()))
    assert verify(out, tmp_path / "run", str(house.log_key)).level == "L1"


def test_a_period_is_packed_as_well(house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Times without a zone are in UTC."""
    out = tmp_path / "pack.zip"
    assert main.run(["evidence", "pack", "--since", "2027-01-15T08:00:04", "--until", "2027-01-15T08:00:07", "--out", str(out)]) == 0
    assert json.loads(files_of(out.read_bytes())["pack.json"])["range"] == [3, 6]
    assert str(house.folder) not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "of one version or of a period"),
        (("--model", "credit"), "of one version or of a period"),
        (("--version", "1"), "--version needs --model"),
        (("--model", "credit", "--version", "1", "--since", "2027-01-01"), "of one version or of a period"),
        (("--since", "soon"), "is not a time"),
        (("--since", "2027-01-01", "--until", "2026-01-01"), "--until 2026-01-01 is not after --since 2027-01-01"),
        (("--since", "2027-01-01", "--until", "2027-01-01"), "is not after"),
        (("--since", "2099-01-01"), "No signed record claims a time within that period"),
        (("--until", "2020-01-01"), "No signed record claims a time within that period"),
        (("--since", "2027-01-01", "--model", "nope"), "No signed record on nope claims a time within that period"),
        (("--model", "credit", "--version", "9"), "credit:9"),
    ],
)
@pytest.mark.usefixtures("house")
def test_what_makes_no_sense_is_refused(arguments: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what to write instead, and nothing is written."""
    assert main.run(["evidence", "pack", *arguments, "--out", str(tmp_path / "pack.zip")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "pack.zip").exists()


@pytest.mark.usefixtures("house")
def test_a_file_that_is_there_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever it is; `--force` replaces it."""
    out = tmp_path / "pack.zip"
    out.write_bytes(b"a year's work")
    arguments = ["evidence", "pack", "--model", "credit", "--version", "1", "--out", str(out)]
    assert main.run(arguments) == 2
    assert "is there already" in capsys.readouterr().err
    assert out.read_bytes() == b"a year's work"
    assert main.run([*arguments, "--force"]) == 0
    assert files_of(out.read_bytes())["pack.json"]


def test_nothing_is_left_of_a_pack_that_failed(house: House, tmp_path: Path) -> None:
    """No half of it under any name, and what stood there stands."""
    out = tmp_path / "out" / "pack.zip"
    assert main.run(["evidence", "pack", "--since", "2027-01-01", "--out", str(out)]) == 5
    out.parent.mkdir()
    (house.folder / "keys" / "signing.key").unlink()
    assert main.run(["evidence", "pack", "--since", "2027-01-01", "--out", str(out)]) == 2
    assert list(out.parent.iterdir()) == []


def test_whoever_packs_much_is_told_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On standard error, so that JSON stays JSON."""
    monkeypatch.setattr(packing, "_SOME_TIME", 3)
    assert main.run(["evidence", "pack", "--since", "2027-01-01", "--out", str(tmp_path / "pack.zip"), "--json"]) == 0
    shown = capsys.readouterr()
    assert f"{house.ledger.head().size} records and " in shown.err
    assert json.loads(shown.out)["records"] == house.ledger.head().size


def test_a_pack_is_not_made_without_the_key_that_signs_it(house: House, tmp_path: Path) -> None:
    """No key is made for it either: it would be one that signed no model."""
    (house.folder / "keys" / "signing.key").unlink()
    assert main.run(["evidence", "pack", "--model", "credit", "--version", "1", "--out", str(tmp_path / "pack.zip")]) == 2
    assert not (house.folder / "keys" / "signing.key").exists()
