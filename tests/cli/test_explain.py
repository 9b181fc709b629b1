"""`lifecycle explain` on a home of its own: a real ledger, signed, and a real prediction log, sealed."""

from __future__ import annotations

import base64
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lifecycle.cli import main
from lifecycle.ledger.log_key.keys import create_log_key
from lifecycle.life import explaining
from lifecycle.life.signing import sign
from lifecycle.proofs.notes import VerifierKey
from lifecycle.proofs.prediction import proven_prediction
from lifecycle.records.bodies.keeping import SubjectErased
from lifecycle.records.events import Event, Subject
from lifecycle.records.prediction import PredictionProof
from lifecycle.settings import Settings
from lifecycle.wiring import Departments
from tests.lineage import in_memory, lives
from tests.lineage.explained import ARTIFACTS, LATER_US
from tests.serving.sealed_log import SealedLog

ROW: dict[str, Any] = {
    "at_us": LATER_US,
    "model_digest": in_memory.model_digest(1),
    "decision_id": "deployment-1",
    "bundle_digest": in_memory.BUNDLE,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the whole life in its ledger and six sealed rows in its prediction log, p0 to p5."""
    project = tmp_path_factory.mktemp("explained")
    (project / "workspace.yaml").write_text("load_from: []\n")
    departments = Departments(Settings.from_environment({"LIFECYCLE_PROJECT": str(project)}))
    for artifact in ARTIFACTS:
        departments.artifacts.put(artifact.encode())
    ledger = in_memory.Ledger()
    lives.enrolled(ledger)
    log = SealedLog(departments.settings.home, **ROW)
    with departments.ledger.writing() as writer:
        writer.append_all([one.event for one in (*ledger.recorded, *lives.whole_life().recorded)])
        writer.append_all(log.events)
    sign(departments)
    departments.ledger.close()
    return project


@pytest.fixture
def home(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it. What people and models sign in it are names, so the signatures of both are believed here."""
    monkeypatch.setattr(explaining, "_signature_fault", lambda *_: "")
    monkeypatch.setattr(explaining, "_statement_fault", lambda *_: "")
    project = tmp_path / "project"
    shutil.copytree(made, project)
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(project))
    return project / ".lifecycle"


def answer(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """What a command prints on standard output (on standard error where it must fail)."""
    assert main.run(["explain", *arguments]) == code
    shown = capsys.readouterr()
    return shown.err if code else shown.out


def facts(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer(capsys, *arguments, "--json"))
    return found


@pytest.mark.usefixtures("home")
def test_a_prediction_is_followed_to_its_source_and_its_proof(capsys: pytest.CaptureFixture[str]) -> None:
    """Every edge is on the terminal, and the person's data are not."""
    told = answer(capsys, "p1")
    for line in ("credit:1", "deployment: allow", "approved by rita", "evaluated credit:1", "source", "row 2 of 3", "by 2 hashes"):
        assert line in told
    for personal in ("income", "somebody"):
        assert personal not in told
        assert personal not in answer(capsys, "p1", "--json")


@pytest.mark.usefixtures("home")
def test_json_says_that_everything_holds_and_has_the_proof(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    """Whoever has the log's key can open the proof without this home."""
    found = facts(capsys, "p4")
    assert (found["holds"], found["missing"], found["waiting"]) == (True, [], [])
    key = VerifierKey.parse((home / "keys" / "ledger.pub").read_text())
    proven = proven_prediction(PredictionProof.of(found["proof"]), [key])
    assert (proven.row.id, proven.seal.number) == ("p4", 2)


def test_the_proof_is_a_file_of_its_own(capsys: pytest.CaptureFixture[str], home: Path, tmp_path: Path) -> None:
    """`--proof` writes what is in the JSON."""
    answer(capsys, "p4", "--proof", str(tmp_path / "proof.json"))
    assert PredictionProof.parse((tmp_path / "proof.json").read_bytes()).as_json() == facts(capsys, "p4")["proof"]


def test_a_proof_is_checked_with_the_key_of_the_log_alone(
    capsys: pytest.CaptureFixture[str], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--check` opens it in this home with its key, and anywhere else with the key that is trusted."""
    proof, key = tmp_path / "proof.json", tmp_path / "ledger.pub"
    answer(capsys, "p4", "--proof", str(proof))
    shutil.copy(home / "keys" / "ledger.pub", key)
    assert "The proof holds: p4" in answer(capsys, "--check", str(proof))
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(tmp_path))
    monkeypatch.setenv("LIFECYCLE_HOME", str(tmp_path / "nowhere"))
    found = facts(capsys, "--check", str(proof), "--trust", str(key))
    assert (found["holds"], found["prediction"]["id"], found["seal"]["number"]) == (True, "p4", 2)
    assert "no log key" in answer(capsys, "--check", str(proof), code=2)
    assert not (tmp_path / "nowhere").exists()


def test_a_forged_proof_does_not_hold(capsys: pytest.CaptureFixture[str], home: Path, tmp_path: Path) -> None:
    """Another answer, another place, and a key that is not the log's are each told."""
    proof = tmp_path / "proof.json"
    answer(capsys, "p4", "--proof", str(proof))
    whole = json.loads(proof.read_text())
    row = base64.b64encode(base64.b64decode(whole["row"]).replace(b'"bad"', b'"fad"')).decode()
    forgeries: list[dict[str, object]] = [{"row": row}, {"position": whole["position"] + 1}, {"path": []}]
    for forged in forgeries:
        proof.write_text(json.dumps(whole | forged))
        answer(capsys, "--check", str(proof), code=4)
    proof.write_text(json.dumps(whole))
    stranger = create_log_key(tmp_path / "keys", "bench.example/other")
    (tmp_path / "other.pub").write_text(str(stranger))
    answer(capsys, "--check", str(proof), "--trust", str(tmp_path / "other.pub"), code=4)
    proof.write_text("{}")
    answer(capsys, "--check", str(proof), code=2)


@pytest.mark.usefixtures("home")
def test_what_a_proof_can_not_show_is_not_asked_of_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A prediction or a proof, not both, and not neither."""
    (tmp_path / "proof.json").write_text("{}")
    for arguments in ((), ("p4", "--check", str(tmp_path / "proof.json")), ("p4", "--trust", str(tmp_path / "proof.json"))):
        answer(capsys, *arguments, code=2)


@pytest.mark.usefixtures("home")
def test_the_page_is_written_beside_the_answer(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """`--html` writes one file, without what was asked unless told to."""
    answer(capsys, "p1", "--html", str(tmp_path / "page.html"))
    page = (tmp_path / "page.html").read_text()
    assert "Every edge holds" in page
    assert "somebody@example.org" not in page
    answer(capsys, "p1", "--html", str(tmp_path / "page.html"), "--inputs")
    assert "somebody@example.org" in (tmp_path / "page.html").read_text()
    assert "can't be written" in answer(capsys, "p1", "--html", str(tmp_path / "none" / "page.html"), code=5)


@pytest.mark.usefixtures("home")
def test_what_was_asked_is_shown_only_when_told_to(capsys: pytest.CaptureFixture[str]) -> None:
    """`--inputs` adds the values; without it the row says only that they are kept."""
    closed, opened = facts(capsys, "p1")["prediction"], facts(capsys, "p1", "--inputs")["prediction"]
    assert (closed["inputs_kept"], "values" in closed) == (True, False)
    assert (opened["values"], opened["request_id"]) == ({"income": 1.0}, "somebody@example.org")


@pytest.mark.usefixtures("home")
def test_an_unknown_prediction_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and where to find an id that there is."""
    assert "prediction_id" in answer(capsys, "nobody", code=2)


def test_a_value_that_is_gone_is_missing_until_an_event_says_that_it_was_erased(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    """The same absence is tampering, or an erasure."""
    departments = Departments.here()
    kept = departments.kept_values.of("somebody@example.org")[1:2]
    departments.kept_values.erase(kept)
    assert "the edge “input” is missing" in answer(capsys, "p1", code=4)
    commitments = tuple(one.commitment for one in kept if one.commitment is not None)
    body = SubjectErased(erasure_id="erasure-1", reason="asked for", openings=(), predictions=commitments, datasets=())
    event = Event.happened(body, subject=Subject(kind="ledger", name="ledger"), actor=in_memory.DAGSTER, environment="local")
    departments.ledger.append(event)
    assert "what was asked was erased" in answer(capsys, "p1")


def test_an_edited_row_is_not_explained(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    """It does not stand under the root that was sealed, and neither does any other of its segment."""
    segment = min((home / "gateway" / "predictions" / "credit" / "rows").iterdir())
    segment.write_bytes(segment.read_bytes().replace(b'"bad"', b'"fad"', 1))
    assert "the edge “segment” is missing" in answer(capsys, "p0", code=4)
    assert "the edge “segment” is missing" in answer(capsys, "p1", code=4)
    answer(capsys, "p4")


def test_an_unknown_prediction_may_have_been_in_a_segment_that_is_gone(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    """Then nobody is told that they mistyped: the segment is named, with the record that sealed it."""
    segment = min((home / "gateway" / "predictions" / "credit" / "rows").iterdir())
    sealed = next(one.index for one in Departments.here(make=False).ledger.events(types=("PredictionsSealed",)))
    segment.unlink()
    for arguments in ((), ("--json",), ("--proof", str(home / "proof.json"))):
        said = answer(capsys, "p0", *arguments, code=4)
        assert f"segment {segment.name} of credit, with 3 rows, sealed by record {sealed}, is missing" in said
    shutil.rmtree(home / "gateway")
    assert "is missing" in answer(capsys, "p0", code=4)


def test_a_row_that_was_taken_out_of_its_segment_was_there(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    """The time in its id says which segments it may have been in; of any other time nothing is missing."""
    made = f"{LATER_US // 1_000:012x}"
    of_then = f"{made[:8]}-{made[8:]}-7000-8000-000000000000"
    assert "There is no prediction" in answer(capsys, of_then, code=2)
    segment = min((home / "gateway" / "predictions" / "credit" / "rows").iterdir())
    segment.write_bytes(b"".join(segment.read_bytes().splitlines(keepends=True)[1:]))
    assert f"segment {segment.name} of credit, with 3 rows" in answer(capsys, of_then, code=4)
    assert "There is no prediction" in answer(capsys, "0190a3f0-0000-7000-8000-000000000000", code=2)


def rewrite(home: Path, *statements: str) -> None:
    """What whoever owns the database can do to it."""
    with closing(sqlite3.connect(home / "ledger" / "ledger.db")) as database, database:
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            assert database.execute(statement).rowcount > 0


def test_a_ledger_without_its_key_proves_nothing(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    """Without the log's key no signature can be checked, and the last edge is missing."""
    (home / "keys" / "ledger.pub").unlink()
    assert "the edge “ledger checkpoint” is missing" in answer(capsys, "p1", code=4)


def test_a_ledger_without_a_checkpoint_proves_nothing(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    """Records that nobody signed are no proof."""
    rewrite(home, "DELETE FROM checkpoints")
    assert "the edge “ledger checkpoint” is missing: there is no ledger checkpoint" in answer(capsys, "p1", code=4)


@pytest.mark.parametrize(
    ("kind", "edge"),
    [
        ("ModelTrained", "version"),
        ("DatasetIngested", "dataset"),
        ("ApprovalGiven", "approval by rita"),
        ("PersonEnrolled", "enrolment of rita"),
        ("RolloutCompleted", "route"),
        ("ModelEvaluated", "evaluation"),
        ("PredictionsSealed", "seal"),
    ],
)
def test_a_record_that_was_deleted_from_the_database_is_named(capsys: pytest.CaptureFixture[str], home: Path, kind: str, edge: str) -> None:
    """The edge that led to it is missing, and what is left does not fit what was signed."""
    rewrite(home, f"DELETE FROM events WHERE type = '{kind}'")
    said = answer(capsys, "p1", code=4)
    assert f"the edge “{edge}” is missing" in said
    assert "the edge “ledger checkpoint” is missing" in said


def test_an_altered_record_is_never_told(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    """An event whose bytes were changed is no event of this ledger any more."""
    rewrite(home, "UPDATE events SET stored = CAST(REPLACE(stored, 'rita', 'dora') AS BLOB) WHERE type = 'ApprovalGiven'")
    assert "was altered" in answer(capsys, "p1", code=4)


def test_records_that_are_not_signed_yet_wait(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    """The tail of a ledger is told, and is no fault."""
    log = SealedLog.goes_on(home, [9], **ROW)
    Departments.here().ledger.append(log.events[-1])
    found = facts(capsys, "p9")
    assert [step["edge"] for step in found["waiting"]] == ["ledger checkpoint"]
    assert found["proof"] is None
    assert "No ledger checkpoint covers" in answer(capsys, "p9", "--proof", str(home / "proof.json"), code=5)


def test_a_segment_that_was_never_sealed_waits_for_a_gateway(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    """It can be read, and is proven by nothing yet: which is said, with what to do."""
    SealedLog.goes_on(home, [9], seal=False, **ROW)
    found = facts(capsys, "p9")
    assert "lifecycle gateway start" in found["waiting"][0]["why"]
    assert "can't be proven yet" in answer(capsys, "p9", "--proof", str(home / "proof.json"), code=5)


def test_what_a_clusters_pod_answered_is_explained_from_its_home(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    """The pod is gone, and its home lies beside the controller's: every edge holds, and the proof is the same."""
    proven = facts(capsys, "p4")["proof"]
    (home / "pods" / "credit-v1-a").mkdir(parents=True)
    (home / "gateway").rename(home / "pods" / "credit-v1-a" / "gateway")
    found = facts(capsys, "p4")
    assert (found["holds"], found["missing"], found["waiting"], found["proof"]) == (True, [], [], proven)
    main.run(["ledger", "verify", "--json"])
    assert [one for one in json.loads(capsys.readouterr().out)["findings"] if "segment" in one["what"]] == []


def test_what_a_pod_left_unsealed_waits_for_the_controller(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    """No gateway of this home would seal it: who does is said."""
    SealedLog.goes_on(home / "pods" / "credit-v1-a", [9], seal=False, **ROW)
    assert "the controller of its cluster" in facts(capsys, "p9")["waiting"][0]["why"]


def test_a_seal_that_the_ledger_lacks_is_missing(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    """It lies beside the segment, was handed over, and is in no ledger: somebody took it out."""
    SealedLog.goes_on(home, [9], **ROW)
    assert "the edge “seal” is missing" in answer(capsys, "p9", code=4)


def test_verification_of_the_ledger_reads_the_prediction_log(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    """An edited row is a finding of `ledger verify`, with the record that sealed it; its structure alone says nothing of it."""

    def found(*arguments: str) -> list[dict[str, Any]]:
        main.run(["ledger", "verify", "--json", *arguments])
        told: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["findings"]
        return [one for one in told if "segment" in one["what"] or "what was asked" in one["what"]]

    assert found() == []
    segment = min((home / "gateway" / "predictions" / "credit" / "rows").iterdir())
    segment.write_bytes(segment.read_bytes().replace(b'"bad"', b'"fad"', 1))
    sealed = next(one.index for one in Departments.here(make=False).ledger.events(types=("PredictionsSealed",)))
    assert [(one["index"], one["breaks"]) for one in found()] == [(sealed, "L0")]
    assert found("--structure") == []
