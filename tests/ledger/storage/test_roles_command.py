"""`lifecycle ledger roles`, as whoever administers the server calls it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lifecycle.cli.main import run
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.storage.roles import Roles
from lifecycle.settings import Settings
from tests.ledger.happenings import ORIGIN, happening
from tests.ledger.places import POSTGRES_ONLY, Place

#: Calls `lifecycle ledger roles` with these arguments: the exit code, and what it printed on standard output.
Call = Callable[..., tuple[int, str]]


@pytest.fixture
def roles(capsys: pytest.CaptureFixture[str]) -> Call:
    def call(*arguments: str) -> tuple[int, str]:
        code = run(["ledger", "roles", *arguments])
        return code, capsys.readouterr().out

    return call


def test_the_statements_are_printed_for_somebody_else_to_run(roles: Call) -> None:
    """Each ends with a semicolon, and nothing is asked of any server."""
    code, out = roles("--app", "ledger_app", "--reader", "auditor")
    assert code == 0
    assert out.splitlines() == [f"{statement};" for statement in Roles(app="ledger_app", reader="auditor").statements()]
    assert json.loads(roles("--app", "ledger_app", "--json")[1]) == list(Roles(app="ledger_app").statements())


@pytest.mark.parametrize(
    "arguments", [("--apply",), ("--keeper", "k"), ("--app", "a; DROP TABLE events"), ("--app", "one", "--reader", "one")]
)
def test_a_part_without_an_app_or_a_name_that_is_none_is_refused(roles: Call, arguments: tuple[str, ...]) -> None:
    """It is a mistake in the call, and nothing is done."""
    assert roles(*arguments)[0] == 2


@POSTGRES_ONLY
def test_applied_roles_are_shown_by_what_they_may_do(place: Place, roles: Call) -> None:
    """From one role that does all to one that only appends; the app's own URL goes on working."""
    with Ledger.open(place.url, origin=ORIGIN) as ledger:
        ledger.append(happening(0))
    code, out = roles("--app", "ledger_app", "--keeper", "ledger_keeper", "--apply", "--url", place.url, "--json")
    assert code == 0
    found: dict[str, dict[str, Any]] = {one["role"]: one for one in json.loads(out)}
    assert (found["ledger_app"]["appends"], found["ledger_app"]["rewrites"], found["ledger_app"]["prunes"]) == (True, False, False)
    assert (found["ledger_keeper"]["prunes"], found["ledger"]["administers"]) == (True, True)
    with Ledger.open(place.url.replace("//ledger@", "//ledger_app@"), origin=ORIGIN) as ledger:
        assert ledger.append(happening(1)).index == 1
    code, table = roles("--url", place.url)
    assert code == 0
    assert "administers the server" in table


@POSTGRES_ONLY
def test_roles_are_taken_apart_before_anybody_has_written(place: Place, roles: Call) -> None:
    """On an empty database the tables are made first; the app, which may make none, begins the log."""
    code, out = roles("--app", "ledger_app", "--apply", "--url", place.url, "--json")
    assert code == 0
    assert "ledger_app" in {one["role"] for one in json.loads(out) if one["appends"]}
    with Ledger.open(place.url.replace("//ledger@", "//ledger_app@"), origin=Settings.from_environment().origin) as ledger:
        assert ledger.append(happening(0)).index == 0


def test_no_roles_are_taken_apart_in_a_file(tmp_path: Path, roles: Call) -> None:
    """Whoever may write a file may change all of it; and none is made for having asked."""
    assert roles("--app", "ledger_app", "--apply", "--url", f"sqlite:///{tmp_path}/ledger.db")[0] == 2
    assert not list(tmp_path.iterdir())
