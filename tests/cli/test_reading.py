"""Verbs that only look: they make nothing, and show no secret."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from lifecycle.cli import main
from lifecycle.errors import InvalidDeclaration, Unavailable
from lifecycle.ledger.address import Address
from lifecycle.settings import Settings
from lifecycle.wiring import Departments
from tests.scenarios.homes import PROJECT, copy_of_home_at_the_gate

EXPORT = ("lineage", "export", "--format", "prov")
PACK = ("evidence", "pack", "--model", "credit", "--version", "1", "--out", "none.zip")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in which nothing was ever made."""
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(PROJECT))
    monkeypatch.setenv("LIFECYCLE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize(
    "verb",
    [
        *(("status",), ("status", "--json"), ("lineage", "show", "credit:1"), EXPORT, ("policy", "explain", "any"), ("ledger", "log")),
        *(("explain", "any"), ("ledger", "anchor"), ("ledger", "anchors"), ("evidence", "coverage"), PACK),
    ],
    ids=" ".join,
)
def test_looking_at_a_ledger_makes_none(home: Path, verb: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is no ledger a verb says so, and leaves no ledger, no key and no folder behind."""
    assert main.run(verb) == Unavailable.exit_code
    assert "There is no ledger at" in capsys.readouterr().err
    assert not home.exists()


@pytest.mark.parametrize("verb", [("gateway", "status"), ("people", "list"), ("policy", "limits"), ("policy", "show")], ids=" ".join)
def test_looking_at_what_needs_no_ledger_makes_nothing_either(home: Path, verb: tuple[str, ...]) -> None:
    """Whatever it finds, a verb that looks leaves no home behind."""
    assert main.run(verb) in (0, 2)
    assert not home.exists()


def test_a_status_is_json_also_where_nothing_has_happened(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing serves, and the ledger has its URL."""
    Departments.here().ledger.close()
    assert main.run(["status", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["serving"] == []
    assert said["ledger"]["url"] == f"sqlite:///{home}/ledger/ledger.db"


def test_the_authority_of_a_policy_server_reaches_the_one_who_asks_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """LIFECYCLE_OPA_CA is what the server's certificate is held against; a file that is not there is named."""
    monkeypatch.setenv("LIFECYCLE_OPA_URL", "https://opa.example:8181")
    monkeypatch.setenv("LIFECYCLE_OPA_CA", str(home / "authority.pem"))
    with pytest.raises(InvalidDeclaration, match=r"authority\.pem"):
        _ = Departments.here().gate_keeper


@pytest.mark.slow
def test_json_has_the_number_of_a_version_apart_from_its_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What waits, what there is, whose life is shown and what was signed: everywhere `version` is a number."""
    departments, cast = copy_of_home_at_the_gate(tmp_path)
    departments.ledger.close()
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(PROJECT))
    monkeypatch.setenv("LIFECYCLE_HOME", str(departments.settings.home))
    key = str(cast.key(cast.officer))

    def said(*verb: str) -> dict[str, Any]:
        capsys.readouterr()
        assert main.run([*verb, "--json"]) == 0
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    status = said("status")
    named = {"model": "credit", "version": 1, "name": "credit:1"}
    signed = said("approve", "credit:1", "--as", cast.officer, "--key", key, "--reason", "It holds.")
    for answer in (status["versions"][0], status["waiting"][0], said("lineage", "show", "credit:1"), signed):
        assert {field: answer[field] for field in named} == named


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:s%40cret@db.example:5432/ledger", "postgresql+psycopg://me:***@db.example:5432/ledger"),
        ("postgresql+psycopg://me@db.example/ledger", "postgresql+psycopg://me@db.example/ledger"),
        (
            "postgresql://db.example/ledger?password=secret&sslmode=require",
            "postgresql+psycopg://db.example/ledger?password=***&sslmode=require",
        ),
        ("postgresql://[::1]:5432/ledger?sslpassword=a%26b", "postgresql+psycopg://[::1]:5432/ledger?sslpassword=***"),
        ("sqlite:////srv/ledger.db", "sqlite:////srv/ledger.db"),
    ],
)
def test_a_ledger_is_shown_without_its_password(url: str, shown: str) -> None:
    """The URL that a status prints opens nothing that it should not."""
    assert Address.parse(url).shown == shown


def test_every_level_of_a_private_folder_is_private(home: Path) -> None:
    """`keys/people` leaves `keys` as closed as itself."""
    made = Departments(Settings.from_environment()).folder("keys/people", 0o700)
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in (made.parent, made)] == [0o700, 0o700]
