"""`lifecycle lineage` and `lifecycle explain` on a home of their own, with a real ledger and a real prediction log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lifecycle.cli import main
from lifecycle.ledger.ledger import Ledger
from lifecycle.serving.predictions import PredictionWriter
from tests.lineage import in_memory, lives

ANSWERED_US = in_memory.START_US + 10**9


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the whole life in its ledger and three rows in its prediction log."""
    (tmp_path / "workspace.yaml").write_text("load_from: []\n")
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(tmp_path))
    folder = tmp_path / ".lifecycle"
    (folder / "ledger").mkdir(parents=True)
    with Ledger.open(f"sqlite:///{folder / 'ledger' / 'ledger.db'}", origin="lifecycle.local/ledger") as ledger, ledger.writing() as writer:
        writer.append_all([one.event for one in lives.whole_life().recorded])
    log = PredictionWriter(folder / "gateway" / "predictions", worker=0)
    rows = [row("by-champion"), row("tampered", model_digest=in_memory.model_digest(2))]
    log.append("credit", rows, [{"request_id": "somebody", "values": {"age": 41.0, "home": "rent"}}] * len(rows))
    log.close()
    return folder


def row(prediction_id: str, **changed: Any) -> dict[str, Any]:
    return {
        "schema_version": "lifecycle.prediction/1",
        "id": prediction_id,
        "at_us": ANSWERED_US,
        "model": "credit",
        "version": 1,
        "model_digest": in_memory.model_digest(1),
        "decision_id": "deployment-1",
        "bundle_digest": in_memory.digest("bundle"),
        "arm": "champion",
        "epoch": 1,
        "latency_us": 900,
        "outcome": "answered",
        "output": {"probability": 0.81, "decision": "good"},
        "fallback_from": None,
    } | changed


def answer(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """What a command prints on standard output (on standard error where it must fail)."""
    assert main.run(arguments) == code
    shown = capsys.readouterr()
    return shown.err if code else shown.out


@pytest.mark.usefixtures("home")
def test_show_draws_the_life_of_a_version(capsys: pytest.CaptureFixture[str]) -> None:
    """The tree has the data, the approval and the rollout, and says where the version serves."""
    tree = answer(capsys, "lineage", "show", "credit:1")
    assert "serving in local" in tree
    for line in ("ingested from credit_applications.csv", "approved by rita", "rollout 10 % → 50 % → 100 %"):
        assert line in tree


@pytest.mark.usefixtures("home")
def test_show_says_the_same_to_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` has the states, what is missing, the ledger's size and the graph around the version."""
    found = json.loads(answer(capsys, "lineage", "show", "credit:3", "--json"))
    assert (found["states"], found["missing"]) == ({"local": "rolled_back"}, [])
    assert found["ledger"]["size"] == len(lives.whole_life().recorded)
    assert "training/training-3" in found["graph"]["activities"]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("named", ["credit", "credit:0", ":1", "credit:x"])
def test_what_names_no_version_is_refused_with_the_form(capsys: pytest.CaptureFixture[str], named: str) -> None:
    """A version is MODEL:NUMBER."""
    assert "such as credit:7" in answer(capsys, "lineage", "show", named, code=2)


@pytest.mark.usefixtures("home")
def test_an_unknown_version_lists_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and the versions of the model."""
    assert "credit:1, credit:2, credit:3" in answer(capsys, "lineage", "show", "credit:9", code=2)


@pytest.mark.usefixtures("home")
def test_export_prints_or_writes_the_same_bytes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """To a folder or to standard output, the export is one and the same."""
    printed = answer(capsys, "lineage", "export", "--format", "prov", "--model", "credit", "--version", "1")
    answer(capsys, "lineage", "export", "--format", "prov", "--model", "credit", "--version", "1", "--out", str(tmp_path / "out"))
    assert (tmp_path / "out" / "credit-1.prov.json").read_text().strip() == printed.strip()


@pytest.mark.usefixtures("home")
def test_a_version_without_its_model_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` alone names nothing."""
    assert "--version needs --model" in answer(capsys, "lineage", "export", "--format", "prov", "--version", "1", code=2)


@pytest.mark.usefixtures("home")
def test_a_folder_that_can_not_be_written_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Exit code 5: a file stands where the folder should be."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "deep").write_text("")
    assert "can't be written" in answer(
        capsys, "lineage", "export", "--format", "prov", "--out", str(tmp_path / "out" / "deep" / "er"), code=5
    )


@pytest.mark.usefixtures("home")
def test_explain_follows_a_prediction_to_its_source(capsys: pytest.CaptureFixture[str]) -> None:
    """The steps are on the terminal, and the person's data are not."""
    told = answer(capsys, "explain", "by-champion")
    for line in ("credit:1", "deployment: allow", "approved by rita", "evaluated credit:1", "source"):
        assert line in told
    assert "rent" not in told
    assert "somebody" not in answer(capsys, "explain", "by-champion", "--json")


@pytest.mark.usefixtures("home")
def test_explain_shows_what_was_asked_only_when_told_to(capsys: pytest.CaptureFixture[str]) -> None:
    """`--inputs` adds the values to the JSON; without it the row says only that they are kept."""
    closed = json.loads(answer(capsys, "explain", "by-champion", "--json"))["prediction"]
    opened = json.loads(answer(capsys, "explain", "by-champion", "--json", "--inputs"))["prediction"]
    assert (closed["inputs_kept"], "values" in closed) == (True, False)
    assert (opened["values"], opened["request_id"]) == ({"age": 41.0, "home": "rent"}, "somebody")


def test_an_erased_input_leaves_the_explanation_standing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the values everything behind the prediction can still be told."""
    for segment in (home / "gateway" / "predictions" / "credit" / "values").iterdir():
        segment.unlink()
    assert main.run(["explain", "by-champion"]) == 0
    shown = capsys.readouterr()
    assert "approved by rita" in shown.out
    assert "has been erased" in shown.err


@pytest.mark.usefixtures("home")
def test_a_row_that_names_other_bytes_is_tampered_with(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 4: the row and the ledger disagree on the bytes of the version."""
    assert "lifecycle ledger verify" in answer(capsys, "explain", "tampered", code=4)


@pytest.mark.usefixtures("home")
def test_an_unknown_prediction_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and where to find an id that there is."""
    assert "prediction_id" in answer(capsys, "explain", "nobody", code=2)
