"""`lifecycle ledger …`, as a person and as a program call it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lifecycle.cli.main import run
from lifecycle.errors import Tampered, Unavailable, UnknownName
from lifecycle.ledger.keeping.copies import back_up
from lifecycle.life.signing import sign
from lifecycle.proofs.inclusion import proven_leaf
from lifecycle.records.events import Event
from lifecycle.records.rollout import LedgerProof
from lifecycle.wiring import Departments
from tests.ledger.happenings import evaluated, happening, tamper, trained

#: Calls `lifecycle ledger` with these arguments: the exit code, and what it printed on standard output.
Call = Callable[..., tuple[int, str]]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that has nothing but its workspace file."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "workspace.yaml").touch()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def call(project: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    def run_ledger(*arguments: str) -> tuple[int, str]:
        code = run(("ledger", *arguments))
        return code, capsys.readouterr().out

    return run_ledger


@pytest.fixture
def home(project: Path) -> Departments:
    """A home with four events, of which the first three are signed."""
    departments = Departments.here()
    with departments.ledger.writing() as writer:
        writer.append_all([trained(1), trained(2), evaluated(1)])
    sign(departments)
    departments.ledger.append(happening(0))
    return departments


def in_json(answer: tuple[int, str]) -> Any:
    code, output = answer
    assert code == 0
    return json.loads(output)


@pytest.mark.parametrize("verb", [("verify",), ("log",), ("fsck",), ("fsck", "--repair"), ("show", "0"), ("prove", "0"), ("checkpoint",)])
def test_looking_where_there_is_no_ledger_says_so_and_makes_none(call: Call, project: Path, verb: tuple[str, ...]) -> None:
    """Each verb ends with the code of what does not answer, and leaves no ledger behind."""
    assert call(*verb)[0] == Unavailable.exit_code
    assert not (project / ".lifecycle" / "ledger").exists()


def test_verify_ends_with_zero_where_everything_holds(call: Call, home: Departments) -> None:
    """It says what it looked at, how far it can be trusted, and what no signature covers yet."""
    code, output = call("verify")
    assert code == 0
    assert "The ledger holds: lifecycle.local/ledger, 4 records" in output
    assert "L1  signed by the log" in output
    assert "Not signed yet: the latest 1." in output


def test_whoever_trusts_an_older_checkpoint_is_told_what_this_home_knows(call: Call, home: Departments, tmp_path: Path) -> None:
    """A copy of before was put back: what is trusted fits it, and the signer remembers more."""
    trusted, old, file = tmp_path / "trusted", tmp_path / "old.db", home.settings.home / "ledger" / "ledger.db"
    trusted.write_text(home.ledger.checkpoint() or "", encoding="utf-8")
    with closing(sqlite3.connect(file)) as database:
        database.execute("VACUUM INTO ?", (str(old),))
    home.ledger.append(happening(9))
    assert call("checkpoint")[0] == 0
    assert in_json(call("verify", "--json", "--trust", str(trusted)))["notices"] == []
    home.ledger.close()
    for beside in file.parent.glob("ledger.db-*"):
        beside.unlink()
    old.replace(file)
    told = "\n".join(notice["what"] for notice in json.loads(call("verify", "--json", "--trust", str(trusted))[1])["notices"])
    assert "by what this home knows itself, and you did not pass: " in told
    assert "5 records" in told
    code, said = call("verify", "--json")
    assert code == Tampered.exit_code
    against = [found["what"] for found in json.loads(said)["findings"]]
    assert any("by what this home knows itself: " in what and "5 records" in what for what in against)


def test_what_is_trusted_has_three_names_and_one_meaning(call: Call, home: Departments, tmp_path: Path, project: Path) -> None:
    """Whoever says what they trust does not believe the project's own anchors as well, whichever option they say it with."""
    archive, held, key = tmp_path / "archive", tmp_path / "held", str(home.settings.home / "keys" / "ledger.pub")
    (project / "governance").mkdir()
    anchors = f"schema_version: lifecycle.anchors/1\nanchors: [{{name: archive, kind: folder, path: {archive}}}]\n"
    (project / "governance" / "anchors.yaml").write_text(anchors, encoding="utf-8")
    assert call("anchor")[0] == 0
    held.write_text(home.ledger.checkpoint() or "", encoding="utf-8")
    home.ledger.append(happening(8))
    assert call("anchor")[0] == 0
    assert in_json(call("verify", "--json"))["held_size"] == 5
    for option in ("--trust", "--key"):
        answer = in_json(call("verify", "--json", option, key))
        assert (answer["held_size"], answer["level"]) == (None, "L1")
    for option in ("--trust", "--checkpoint"):
        assert in_json(call("verify", "--json", option, str(held)))["held_size"] == 4


def test_verify_answers_programs(call: Call, home: Departments, tmp_path: Path) -> None:
    """With a checkpoint that was held, as JSON."""
    held = tmp_path / "held"
    held.write_text(home.ledger.checkpoint() or "", encoding="utf-8")
    answer = in_json(call("verify", "--json", "--checkpoint", str(held)))
    head = home.ledger.head()
    assert answer == {
        "ok": True,
        "level": "L2",
        "ledger": str(home.settings.home / "ledger" / "ledger.db"),
        "origin": "lifecycle.local/ledger",
        "size": 4,
        "root": head.root_text,
        "records_read": True,
        "signed_size": 3,
        "unsigned": 1,
        "held_size": 3,
        "stamped_size": None,
        "witnessed_size": None,
        "exposure": {"anchor": None, "size": 0, "at_us": None, "leaves_since": 4, "age_seconds": None},
        "findings": [],
        "notices": [],
    }


def test_verify_names_what_was_altered_and_does_not_end_with_zero(call: Call, home: Departments) -> None:
    """On a terminal and as JSON: the record's index, id and type."""
    guilty = home.ledger.events(since=1, limit=1)[0].event
    tamper(
        home.settings.home / "ledger" / "ledger.db",
        "UPDATE events SET stored = CAST(replace(CAST(stored AS TEXT), 'boosting', 'boasting') AS BLOB) WHERE leaf_index = 1",
    )
    code, output = call("verify")
    assert code == Tampered.exit_code
    assert "The ledger does NOT hold" in output
    assert f"record 1 (ModelTrained, id {guilty.id}) was altered" in output.replace("\n", " ")
    code, output = call("verify", "--json")
    assert code == Tampered.exit_code
    assert [finding["index"] for finding in json.loads(output)["findings"]] == [1]


def test_fsck_reports_each_difference_and_repairs_it(call: Call, home: Departments) -> None:
    """It ends with 4 where a table says something else than the leaves, and with 0 once it was written anew."""
    assert in_json(call("fsck", "--json"))["differences"] == []
    file = home.settings.home / "ledger" / "ledger.db"
    tamper(file, "UPDATE states SET state = 'serving' WHERE version = 2")
    code, output = call("fsck")
    assert code == Tampered.exit_code
    assert "credit:2 in every environment is serving since record 1, the records say trained since record 1" in output
    repaired = in_json(call("fsck", "--repair", "--json"))
    assert (repaired["ok"], repaired["repaired"], repaired["size"]) == (True, 1, 4)
    assert call("fsck")[0] == 0


def test_a_copy_elsewhere_is_verified_by_its_url_and_key(call: Call, home: Departments, tmp_path: Path) -> None:
    """Neither this home's ledger nor its key is needed."""
    back_up(home.settings.ledger_url, tmp_path / "copy.db")
    url = f"sqlite:///{tmp_path}/copy.db"
    key = home.settings.home / "keys" / "ledger.pub"
    answer = in_json(call("verify", "--json", "--url", url, "--key", str(key)))
    assert (answer["ok"], answer["level"], answer["ledger"]) == (True, "L1", str(tmp_path / "copy.db"))


def test_log_lists_the_latest_last(call: Call, home: Departments) -> None:
    """A table for people; filters and JSON for programs."""
    code, output = call("log")
    assert code == 0
    assert "ModelTrained" in output
    assert [record["index"] for record in in_json(call("log", "--json", "--limit", "2"))] == [2, 3]
    assert [record["index"] for record in in_json(call("log", "--json", "--model", "credit", "--type", "ModelTrained"))] == [0, 1]
    assert "holds no such event" in call("log", "--model", "nobody")[1]


def test_a_type_that_does_not_exist_is_an_error(call: Call, home: Departments) -> None:
    """A misspelt filter does not pass for an empty answer."""
    assert call("log", "--type", "ModelTrainde")[0] == UnknownName.exit_code


def test_show_finds_a_record_by_index_and_by_id(call: Call, home: Departments) -> None:
    """The whole event, its leaf, and whether a signature covers it."""
    event = home.ledger.events(limit=1)[0].event
    by_index, by_id = in_json(call("show", "0", "--json")), in_json(call("show", event.id, "--json"))
    assert by_index == by_id == {"index": 0, "event": event.as_json()}
    assert "a ledger checkpoint of 3 records covers it" in call("show", "0")[1]
    assert "not signed yet" in call("show", "3")[1]
    assert call("show", "4")[0] == call("show", "nothing")[0] == UnknownName.exit_code


def test_checkpoint_signs_now_and_prints_the_note(call: Call, home: Departments, tmp_path: Path) -> None:
    """What is printed is the note, exactly, so that it can be kept elsewhere and held against the ledger later."""
    code, note = call("checkpoint")
    assert code == 0
    assert note == home.ledger.checkpoint()
    (tmp_path / "held").write_text(note, encoding="utf-8")
    assert in_json(call("verify", "--json", "--checkpoint", str(tmp_path / "held")))["held_size"] == 4


def test_a_proof_from_the_command_line_convinces_offline(call: Call, home: Departments) -> None:
    """The JSON is a ledger proof; a record that is not signed yet has none."""
    proof = LedgerProof.of(in_json(call("prove", "2")))
    leaf, _ = proven_leaf(proof, [home.ledger_key])
    assert Event.parse(leaf) == home.ledger.events(since=2, limit=1)[0].event
    assert call("prove", "3")[0] == Unavailable.exit_code
