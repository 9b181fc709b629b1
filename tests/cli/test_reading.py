"""Verbs that only look: they make nothing, and show no secret."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from lifecycle.cli import main
from lifecycle.errors import Unavailable
from lifecycle.ledger.address import Address
from lifecycle.wiring import Departments, Settings
from tests.scenarios.homes import PROJECT

EXPORT = ("lineage", "export", "--format", "prov")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in which nothing was ever made."""
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(PROJECT))
    monkeypatch.setenv("LIFECYCLE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize(
    "verb",
    [("status",), ("status", "--json"), ("lineage", "show", "credit:1"), EXPORT, ("policy", "explain", "any"), ("ledger", "log")],
    ids=" ".join,
)
def test_looking_at_a_ledger_makes_none(home: Path, verb: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is no ledger a verb says so, and leaves no ledger, no key and no folder behind."""
    assert main.run(verb) == Unavailable.exit_code
    assert "There is no ledger at" in capsys.readouterr().err
    assert not home.exists()


@pytest.mark.parametrize(
    "verb", [("gateway", "status"), ("people", "list"), ("policy", "limits"), ("policy", "show"), ("explain", "any")], ids=" ".join
)
def test_looking_at_what_needs_no_ledger_makes_nothing_either(home: Path, verb: tuple[str, ...]) -> None:
    """Whatever it finds, a verb that looks leaves no home behind."""
    assert main.run(verb) in (0, 2)
    assert not home.exists()


def test_what_is_named_in_json_has_its_model_and_its_number_apart(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A status is JSON with the ledger's URL, also where nothing has happened yet."""
    Departments.here().ledger.close()
    assert main.run(["status", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["serving"] == []
    assert said["ledger"]["url"] == f"sqlite:///{home}/ledger/ledger.db"


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
