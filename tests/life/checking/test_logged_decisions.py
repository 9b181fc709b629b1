"""An OPA server's own decision log against the ledger: a real server, and every way in which the two accounts can differ."""

from __future__ import annotations

import gzip
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lifecycle.cli import main
from lifecycle.errors import Unavailable
from lifecycle.life.checking.logged_decisions import Decided
from lifecycle.life.checking.replaying import Past
from lifecycle.life.gates.asking import ask
from lifecycle.life.recording import Step
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.decision_log import read_decision_log
from lifecycle.policy.posing import posed
from lifecycle.policy.server import ServerEngine
from lifecycle.records.gates import Decision
from lifecycle.wiring import Departments
from tests.policy import server
from tests.policy.questions import changed, good

Entry = dict[str, Any]
PATIENCE_SECONDS = 30.0


@pytest.fixture
def served(
    tool: Callable[[str], str], repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Departments, Path]]:
    """A project that decides on a real OPA server, and the file that the server logs to."""
    (tmp_path / "workspace.yaml").write_text("load_from: []\n")
    shutil.copytree(repository / "governance", tmp_path / "governance")
    folder = tmp_path / "opa"
    folder.mkdir()
    with server.running(tool("opa"), Bundle.load(tmp_path / "governance"), folder, "--set", "decision_logs.console=true") as url:
        for name, value in {"PROJECT": str(tmp_path), "OPA_URL": url, "OPA_TOKEN": server.TOKEN}.items():
            monkeypatch.setenv(f"LIFECYCLE_{name}", value)
        yield Departments.here(), folder / "opa.log"


def asked(departments: Departments, request: str, rows: int = 5_000) -> Decision:
    """One recorded decision of the server, in answer to a request of this id."""
    question = good(departments.gate_keeper.bundle, "data_access")
    question = question.model_copy(update={"now_us": time.time_ns() // 1_000})
    return ask(departments, changed(changed(question, "evidence", "rows", rows), "request", "id", request), Step(run_id="run"))


def entries(log: Path, *requests: str) -> list[Entry]:
    """The log's entries of these requests, once the server has written them."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]
        mine = [entry for entry in found if entry.get("input", {}).get("request", {}).get("id") in requests]
        if {entry["input"]["request"]["id"] for entry in mine} == set(requests):
            return mine
        assert time.monotonic() < deadline
        time.sleep(0.05)


def two_entries(log: Path, request: str) -> None:
    """Returns once the server has written a second entry of this request."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(entries(log, request)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def said(capsys: pytest.CaptureFixture[str], log: Path, *, code: int = 0) -> Any:
    capsys.readouterr()
    assert main.run(["policy", "logs", str(log), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def counts(found: Any) -> tuple[int, int, int, int]:
    return found["matched"], found["different"], found["unrecorded"], found["unlogged"]


def written(tmp_path: Path, log: list[Entry]) -> Path:
    file = tmp_path / "shown.log"
    file.write_text("\n".join(json.dumps(entry) for entry in log))
    return file


def test_the_server_s_own_log_matches_the_ledger(served: tuple[Departments, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Allowed and denied: each entry is a recorded decision, and the server's id of it is told; canaries are nobody's decision."""
    departments, log = served
    first, second = asked(departments, "one"), asked(departments, "two", 3)
    logged = {entry["input"]["request"]["id"]: entry["decision_id"] for entry in entries(log, "one", "two")}
    found = said(capsys, log)
    assert counts(found) == (2, 0, 0, 0)
    told = {one["request"]: (one["decision"], one["opa_decision_id"]) for one in found["decisions"]}
    assert told == {"one": (first.id, logged["one"]), "two": (second.id, logged["two"])}
    assert main.run(["policy", "logs", str(log)]) == 0
    assert "2 decisions: 2 matched" in capsys.readouterr().out


def test_a_decision_keeps_what_the_server_s_log_calls_it(served: tuple[Departments, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """The id of the entry stands in the record, and `explain` tells it to whoever wants to look it up there."""
    departments, log = served
    decision = asked(departments, "one")
    (entry,) = entries(log, "one")
    assert decision.logged_as == entry["decision_id"]
    assert main.run(["policy", "explain", decision.id]) == 0
    assert entry["decision_id"] in capsys.readouterr().out


def test_a_recorded_question_that_is_repeated_past_the_ledger_is_unrecorded(
    served: tuple[Departments, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """The same question, down to the id of its request: the record names its own entry, and stands for no other."""
    departments, log = served
    decision = asked(departments, "one")
    settings, bundle = departments.settings, departments.gate_keeper.bundle
    assert settings.opa_url is not None
    repeated = posed(decision.input.canonical(), bundle, "data_access")
    again = ServerEngine(settings.opa_url, settings.opa_token, bundle).answer("data_access", repeated)
    two_entries(log, "one")
    found = said(capsys, log, code=4)
    assert counts(found) == (1, 0, 1, 0)
    (unrecorded,) = (one for one in found["decisions"] if one["comparison"] == "unrecorded")
    assert unrecorded["opa_decision_id"] == again.logged_as
    assert decision.logged_as in unrecorded["what"][0]


def test_attack_a_server_that_gives_two_answers_one_id_hides_none_of_them(
    served: tuple[Departments, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A question that was asked again past the ledger, under the id of the recorded one; an entry that was uploaded twice is no such."""
    departments, log = served
    asked(departments, "one")
    (entry,) = entries(log, "one")
    assert counts(said(capsys, written(tmp_path, [entry, entry]))) == (2, 0, 0, 0)
    later = entry | {"timestamp": entry["timestamp"][:3] + "9" + entry["timestamp"][4:]}
    found = said(capsys, written(tmp_path, [entry, later]), code=4)
    assert counts(found) == (1, 0, 1, 0)
    assert "another entry" in next(one for one in found["decisions"] if one["comparison"] == "unrecorded")["what"][0]


def test_an_entry_with_another_request_is_different(
    served: tuple[Departments, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Whoever changes the request in the log can't turn a decision into one that nobody recorded: the entry keeps its id."""
    departments, log = served
    asked(departments, "one")
    (entry,) = entries(log, "one")
    entry["input"]["request"]["id"] = "another"
    found = said(capsys, written(tmp_path, [entry]), code=4)
    assert counts(found) == (0, 1, 0, 0)
    assert "the log says request another, the record one" in found["decisions"][0]["what"]


def test_a_record_without_the_server_s_id_is_found_by_its_request(
    served: tuple[Departments, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """As records are that were made before the id was kept, or while the server kept no log."""
    departments, log = served
    decision = asked(departments, "one")
    (entry,) = entries(log, "one")
    older = decision.model_copy(update={"logged_as": None})
    assert b"logged_as" not in older.canonical()
    (logged,) = (one for one in read_decision_log(log) if one.decision_id == entry["decision_id"])
    assert Decided([Past(0, older)]).in_answer_to(logged) == Past(0, older)


def test_a_question_past_the_ledger_is_unrecorded(
    served: tuple[Departments, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Whoever asks the server with our token and records nothing leaves a trace there."""
    departments, log = served
    asked(departments, "one")
    bundle = departments.gate_keeper.bundle
    settings = departments.settings
    assert settings.opa_url is not None
    question = changed(good(bundle, "data_access"), "request", "id", "past")
    ServerEngine(settings.opa_url, settings.opa_token, bundle).answer("data_access", question.as_json())
    found = said(capsys, written(tmp_path, entries(log, "one", "past")), code=4)
    assert counts(found) == (1, 0, 1, 0)
    assert [one["request"] for one in found["decisions"] if one["comparison"] == "unrecorded"] == ["past"]


def test_what_was_taken_out_of_the_log_is_unlogged(
    served: tuple[Departments, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A decision between two entries that the log has not."""
    departments, log = served
    for request in ("one", "two", "three"):
        asked(departments, request)
    kept = [entry for entry in entries(log, "one", "two", "three") if entry["input"]["request"]["id"] != "two"]
    found = said(capsys, written(tmp_path, kept), code=4)
    assert counts(found) == (2, 0, 0, 1)


@pytest.mark.parametrize(
    ("change", "how"),
    [
        (lambda entry: entry["result"].update(allow=False, outcome="deny"), "the verdict was deny and is allow"),
        (lambda entry: entry["input"]["evidence"].update(rows=9), "another input"),
        (lambda entry: entry["bundles"]["gov"].update(revision="sha256:other"), "the log says bundle sha256:other"),
        (lambda entry: entry.update(path="gov/rollback/decision"), "the log says gate rollback"),
        (lambda entry: entry.pop("result"), "the log holds no decision"),
    ],
    ids=["answer", "input", "bundle", "gate", "undefined"],
)
def test_an_entry_that_says_something_else_is_different(
    served: tuple[Departments, Path],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    change: Callable[[Entry], object],
    how: str,
) -> None:
    """Another answer, input, bundle or gate than the record: named."""
    departments, log = served
    asked(departments, "one")
    (entry,) = entries(log, "one")
    change(entry)
    found = said(capsys, written(tmp_path, [entry]), code=4)
    assert counts(found) == (0, 1, 0, 0)
    assert any(how in what for what in found["decisions"][0]["what"])


def test_what_a_server_uploads_and_masks_is_read(
    served: tuple[Departments, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Gzipped arrays; and where the log was told to leave something out of an input, the rest is compared."""
    departments, log = served
    asked(departments, "one")
    (entry,) = entries(log, "one")
    del entry["input"]["evidence"]
    entry["erased"] = ["/input/evidence"]
    file = tmp_path / "upload.json.gz"
    file.write_bytes(gzip.compress(json.dumps([entry]).encode()))
    assert counts(said(capsys, file)) == (1, 0, 0, 0)


def test_what_is_no_decision_log_is_said(tmp_path: Path, served: tuple[Departments, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """By file and line, with another exit code than a contradiction has."""
    asked(served[0], "one")
    file = tmp_path / "no.log"
    file.write_text('{"level": "info"}\nnothing\n')
    assert main.run(["policy", "logs", str(file)]) == 2
    assert "no.log:2" in capsys.readouterr().err


def test_an_upload_that_is_broken_inside_is_told(tmp_path: Path) -> None:
    """A gzipped log whose head is right and whose content is not, is one that can't be read."""
    file = tmp_path / "upload.gz"
    whole = bytearray(gzip.compress(b"[]" * 1_000))
    whole[10:] = b"\xff" * (len(whole) - 10)
    file.write_bytes(whole)
    with pytest.raises(Unavailable, match="can't be read"):
        list(read_decision_log(file))
