"""`lifecycle ledger erase`, `hold`, `prune`, `backup` and `restore`, as a person and as a program call them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lifecycle.cli.main import run
from lifecycle.errors import InvalidDeclaration, Refused, Tampered, UnknownName
from tests.life.kept_home import INCOME, NAME, PERSON, SUBJECT, TOWN, KeptHome
from tests.scenarios.homes import PROJECT

#: Calls `lifecycle ledger` with these arguments: the exit code, standard output and standard error.
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeptHome:
    home = KeptHome(tmp_path)
    home.departments.ledger.close()
    monkeypatch.setenv("LIFECYCLE_HOME", str(home.home))
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(PROJECT))
    return home


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    def run_ledger(*arguments: str) -> tuple[int, str, str]:
        code = run(("ledger", *arguments))
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run_ledger


def in_json(answer: tuple[int, str, str]) -> Any:
    assert answer[0] == 0, answer
    return json.loads(answer[1])


def test_erase_says_what_went_and_what_it_can_not_reach(kept: KeptHome, call: Call) -> None:
    """For a person in words, with where the value may still be."""
    code, out, _ = call("erase", SUBJECT, "--reason", "Request 4711.")
    assert code == 0
    for told in ("what was asked of predictions", "rows of credit", "Every proof still holds", "the source of credit", "backups"):
        assert told in out
    assert kept.found(SUBJECT, INCOME, TOWN) == []


def test_erase_tells_a_program_the_same(kept: KeptHome, call: Call) -> None:
    """Under keys that stay."""
    would = in_json(call("erase", PERSON, "--reason", "x", "--dry-run", "--json"))
    assert (would["dry_run"], would["erasure_id"], would["indexes"]) == (True, None, [])
    assert kept.found(NAME)
    said = in_json(call("erase", PERSON, "--reason", "x", "--json"))
    keys = ("erasure_id", "dry_run", "openings", "predictions", "datasets", "person", "indexes", "finished", "beyond_reach")
    assert tuple(said) == keys
    assert (said["openings"], said["person"], len(said["indexes"])) == (1, PERSON, 1)
    rows = in_json(call("erase", "--rows", "credit:17,4", "--reason", "x", "--json"))
    assert [dataset["rows"] for dataset in rows["datasets"]] == [[4, 17], [4, 17]]
    assert in_json(call("verify", "--json"))["findings"] == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("customer-6", "--reason", "x"), UnknownName.exit_code),
        (("--reason", "x"), 2),
        (("--rows", "credit", "--reason", "x"), 2),
        (("--rows", "credit:1,", "--reason", "x"), 2),
        (("--rows", "nothing:1", "--reason", "x"), UnknownName.exit_code),
        ((SUBJECT,), 2),
        ((SUBJECT, "--reason", " "), InvalidDeclaration.exit_code),
    ],
)
def test_erase_refuses_what_makes_no_sense(kept: KeptHome, call: Call, arguments: tuple[str, ...], code: int) -> None:
    """And changes nothing."""
    before = kept.found(SUBJECT)
    assert call("erase", *arguments)[0] == code
    assert kept.found(SUBJECT) == before


def test_a_hold_says_what_it_holds(kept: KeptHome, call: Call) -> None:
    """A misspelt name holds nothing yet, and whoever placed it learns of that."""
    placed = in_json(call("hold", "place", SUBJECT, "--reason", "Case 1.", "--json"))
    assert (placed["name"], placed["holds"]) == (SUBJECT, {"records": 0, "values": 0, "predictions": 2, "rows": 6})
    assert "2 predictions, 6 rows of datasets, and what comes under that name" in call("hold", "place", SUBJECT, "--reason", "Case 2.")[2]
    assert "2 records" in call("hold", "place", "credit", "--reason", "Case 3.")[2]
    code, out, err = call("hold", "place", "nosuchthing", "--reason", "Case 4.")
    assert (code, "Nothing in this ledger goes by 'nosuchthing' yet" in err) == (0, True)
    assert "everything" in call("hold", "place", "--everything", "--reason", "Case 5.")[2]
    assert in_json(call("hold", "release", out.strip(), "--reason", "Closed.", "--json")) == {"hold_id": out.strip(), "released": True}


def test_a_hold_refuses_until_it_is_released(kept: KeptHome, call: Call) -> None:
    """Exit code 3, with the rule and how to release it."""
    code, hold, _ = call("hold", "place", SUBJECT, "--reason", "Case 12/2026.")
    assert code == 0
    listed = in_json(call("hold", "list", "--json"))
    assert [(held["hold_id"], held["name"], held["reason"]) for held in listed] == [(hold.strip(), SUBJECT, "Case 12/2026.")]
    code, _, err = call("erase", SUBJECT, "--reason", "x")
    assert code == Refused.exit_code
    assert "LEGAL_HOLD" in err
    assert f"hold release {hold.strip()}" in err
    assert call("hold", "release", hold.strip(), "--reason", "Closed.")[0] == 0
    assert "Nothing is held." in call("hold", "list")[1]
    assert call("erase", SUBJECT, "--reason", "x")[0] == 0
    assert kept.found(SUBJECT) == []


def test_a_hold_on_one_version_is_refused_because_what_it_rests_on_would_go(kept: KeptHome, call: Call) -> None:
    """It would hold the records of that name alone, and neither its data nor what it was asked; the next step names the model."""
    code, _, err = call("hold", "place", "credit:1", "--reason", "Case 6.")
    assert code == 2
    assert "lifecycle ledger hold place credit" in err
    assert in_json(call("hold", "list", "--json")) == []


@pytest.mark.parametrize("arguments", [("--reason", "x"), ("credit", "--everything", "--reason", "x"), ("credit",)])
def test_a_hold_is_on_one_thing_or_on_everything(kept: KeptHome, call: Call, arguments: tuple[str, ...]) -> None:
    """A forgotten name must not hold everything."""
    assert call("hold", "place", *arguments)[0] == 2
    assert in_json(call("hold", "list", "--json")) == []


def test_prune_finds_nothing_in_a_young_ledger(kept: KeptHome, call: Call) -> None:
    """By the policy of this project; what it would do is told the same way."""
    assert "Nothing is past its retention." in call("prune")[1]
    said = in_json(call("prune", "--dry-run", "--json"))
    assert (said["prunings"], said["indexes"], said["holds"]) == ([], [], [])
    assert said["policy_digest"].startswith("sha256:")


def in_a_process_of_its_own(*arguments: str) -> tuple[int, str, str]:
    """As `call`, but nothing of it stays open afterwards: a ledger that is in use is not replaced."""
    command = [sys.executable, "-m", "lifecycle.cli.main", "ledger", *arguments]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=120)
    return ended.returncode, ended.stdout, ended.stderr


def test_backup_and_restore_tell_a_program_what_they_did(kept: KeptHome, tmp_path: Path) -> None:
    """The backup verifies as a ledger; what came after it is lost and named."""
    file, call = tmp_path / "backup.db", in_a_process_of_its_own
    backed_up = in_json(call("backup", str(file), "--json"))
    assert tuple(backed_up) == ("file", "size", "root", "checkpoint")
    assert in_json(call("verify", "--url", f"sqlite:///{file}", "--json"))["level"] == "L1"
    call("hold", "place", "credit", "--reason", "Case 12/2026.")
    call("checkpoint")
    said = in_json(call("restore", str(file), "--reason", "The disk failed.", "--json"))
    assert said["backup_size"] == backed_up["size"]
    assert (said["lost"], said["repeated"], said["before_is_known"]) == (1, ["LegalHoldPlaced"], True)
    assert Path(said["replaced"]).is_file()
    verified = in_json(call("verify", "--json"))
    assert verified["findings"] == []
    assert "was restored from a backup" in verified["notices"][0]["what"]
    assert [held["name"] for held in in_json(call("hold", "list", "--json"))] == ["credit"]


def test_restore_refuses_what_is_no_backup(kept: KeptHome, call: Call, tmp_path: Path) -> None:
    """Before it touches anything."""
    (tmp_path / "text.db").write_text("no database")
    assert call("restore", str(tmp_path / "text.db"), "--reason", "x")[0] == Tampered.exit_code
    assert call("restore", str(tmp_path / "nothing.db"), "--reason", "x")[0] == InvalidDeclaration.exit_code
    assert in_json(call("verify", "--json"))["findings"] == []
