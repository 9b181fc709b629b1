"""`lifecycle lineage` on a home of its own, with a real ledger."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lifecycle.cli import main
from lifecycle.ledger.ledger import Ledger
from tests.lineage import lives


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the whole life in its ledger."""
    (tmp_path / "workspace.yaml").write_text("load_from: []\n")
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(tmp_path))
    folder = tmp_path / ".lifecycle"
    (folder / "ledger").mkdir(parents=True)
    with Ledger.open(f"sqlite:///{folder / 'ledger' / 'ledger.db'}", origin="lifecycle.local/ledger") as ledger, ledger.writing() as writer:
        writer.append_all([one.event for one in lives.whole_life().recorded])
    return folder


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
