"""The triggers that refuse changes are a seat belt: nothing rests on them, and that one is gone is told."""

from __future__ import annotations

import json

import pytest

from lifecycle.cli import main
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.storage.guards import IN_FILE, ON_SERVER
from lifecycle.ledger.storage.rows import LedgerRows
from lifecycle.ledger.verifying.fsck import examine
from tests.ledger.happenings import happening
from tests.ledger.places import EVERY_DATABASE, POSTGRES_ONLY, SQLITE_ONLY, Place


def missing(place: Place) -> tuple[str, ...]:
    with LedgerRows(place.url) as rows:
        return rows.missing_guards()


@EVERY_DATABASE
@pytest.mark.usefixtures("ledger")
def test_a_ledger_is_made_with_every_guard(place: Place) -> None:
    """None is missing from one that nobody touched, and the migrations make none that is not known."""
    assert missing(place) == ()
    if place.file is not None:
        assert {name for (name,) in place.fetch("SELECT name FROM sqlite_master WHERE type = 'trigger'")} == IN_FILE
    else:
        assert {name for (name,) in place.fetch("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")} == ON_SERVER


@SQLITE_ONLY
def test_a_guard_that_was_dropped_is_told(place: Place, ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    """`fsck` names it, as text and in JSON; the leaves still agree, so nothing is different."""
    ledger.append(happening(0))
    place.change("DROP TRIGGER events_refuse_update")
    assert examine(place.url).missing_guards == ("events_refuse_update",)
    assert main.run(["ledger", "fsck", "--url", place.url]) == 0
    assert "refuses changes no more: somebody who owns it took off events_refuse_update." in capsys.readouterr().out
    assert main.run(["ledger", "fsck", "--url", place.url, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["missing_guards"], told["differences"]) == (["events_refuse_update"], [])


@POSTGRES_ONLY
@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize("how", ["DROP TRIGGER head_refuse_change ON head", "ALTER TABLE head DISABLE TRIGGER head_refuse_change"])
def test_a_guard_that_was_turned_off_is_told_like_one_that_was_dropped(place: Place, how: str) -> None:
    """On a server a trigger can stand and do nothing."""
    place.change(how)
    assert missing(place) == ("head_refuse_change",)
