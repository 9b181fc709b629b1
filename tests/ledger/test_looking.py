"""Looking: the same answers as the ledger itself gives, from the bare driver."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lifecycle.errors import InvalidDeclaration, Tampered, Unavailable, UnknownName
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.looking import LookingLedger
from lifecycle.records.identity import commit
from tests.ledger.happenings import ORIGIN, evaluated, happening, trained
from tests.ledger.places import EVERY_DATABASE, Place

pytestmark = EVERY_DATABASE

WANTED: list[dict[str, Any]] = [
    {},
    {"types": ("ModelTrained",)},
    {"types": ()},
    {"kind": "key"},
    {"kind": "model", "name": "fraud"},
    {"name": "credit", "version": 2},
    {"environment": "local"},
    {"run_id": "run"},
    {"since": 2},
    {"newest_first": True, "limit": 2},
    {"types": ["ModelTrained"], "newest_first": True, "limit": 1, "since": 1},
    {"name": "nobody"},
]


@pytest.fixture
def filled(ledger: Ledger) -> Ledger:
    with ledger.writing() as writer:
        writer.append_all([trained(1), trained(2), evaluated(1), trained(1, model="fraud"), happening(0, run_id="run")])
    return ledger


@pytest.fixture
def looking(filled: Ledger) -> Iterator[LookingLedger]:
    with LookingLedger(filled.url, origin=ORIGIN) as opened:
        yield opened


@pytest.mark.parametrize("wanted", WANTED, ids=str)
def test_who_looks_sees_what_the_ledger_gives(filled: Ledger, looking: LookingLedger, wanted: dict[str, Any]) -> None:
    """Every filter, order and limit gives the same events."""
    assert looking.events(**wanted) == filled.events(**wanted)


def test_one_event_its_bytes_and_the_head_are_the_same(filled: Ledger, looking: LookingLedger) -> None:
    """By id, by index, and where the ledger stands."""
    some = filled.events(since=1, limit=1)[0]
    assert looking.find(some.event.id) == looking.event(some.event.id) == some
    assert looking.stored(1) == filled.stored(1)
    assert (looking.head(), looking.checkpoint()) == (filled.head(), filled.checkpoint())
    assert looking.find("nobody") is None


def test_what_is_not_there_is_told_in_the_same_words(filled: Ledger, looking: LookingLedger) -> None:
    """An event, a record after the last and before the first, a value that nobody keeps."""
    nobody, _ = commit("nobody")
    questions: list[Callable[[Ledger | LookingLedger], object]] = [
        lambda asked: asked.event("nobody"),
        lambda asked: asked.stored(99),
        lambda asked: asked.stored(-1),
        lambda asked: asked.opening(nobody),
    ]
    for question in questions:
        told = []
        for asked in (filled, looking):
            with pytest.raises(UnknownName) as missing:
                question(asked)
            told.append(str(missing.value))
        assert told[0] == told[1]


def test_a_value_that_is_kept_is_the_same(filled: Ledger, looking: LookingLedger) -> None:
    """Of several, the one that opens the commitment."""
    kept = [commit({"name": name}) for name in ("ada", "bob", "cem")]
    with filled.writing() as writer:
        for _, opening in kept:
            writer.keep(opening, "somebody")
    for commitment, opening in kept:
        assert looking.opening(commitment) == filled.opening(commitment) == opening


def test_proofs_are_the_same(filled: Ledger, looking: LookingLedger, signed: Callable[[], str]) -> None:
    """Of any record, against the same ledger checkpoint; where none covers it, that is said."""
    with pytest.raises(Unavailable, match="No ledger checkpoint covers record 0"):
        looking.proof(0)
    signed()
    for index in range(5):
        assert looking.proof(index) == filled.proof(index)
        assert looking.inclusion(index) == filled.inclusion(index)
    assert looking.consistency(3) == filled.consistency(3)
    with pytest.raises(UnknownName):
        looking.proof(99)


def test_an_altered_record_is_not_shown(looking: LookingLedger, place: Place) -> None:
    """A row whose columns say something else than its bytes is Tampered for whoever looks, too."""
    place.tamper("UPDATE events SET actor_id = 'mallory' WHERE leaf_index = 0")
    with pytest.raises(Tampered):
        looking.events()


def test_looking_makes_nothing_and_asks_for_the_right_ledger(filled: Ledger, tmp_path: Any) -> None:
    """No file comes into being where there is no ledger; a ledger of another name is refused."""
    with pytest.raises(Unavailable):
        LookingLedger(f"sqlite:///{tmp_path / 'nothing.db'}", origin=ORIGIN)
    assert not (tmp_path / "nothing.db").exists()
    with pytest.raises(InvalidDeclaration):
        LookingLedger(filled.url, origin="example.org/another")
