"""Deliveries: in order, for as long as it takes, and never stopped for good."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lifecycle.errors import Tampered, Unavailable
from lifecycle.records.events import Event
from lifecycle.serving.rollouts import delivery
from lifecycle.serving.rollouts.delivery import Delivery
from lifecycle.serving.rollouts.journal import Journal
from tests.serving.rollouts.test_journal import event, serving


class MoodyLedger:
    """Raises what it is told to, once each, before it takes anything."""

    def __init__(self, *moods: Exception) -> None:
        self.moods = list(moods)
        self.taken: list[str] = []

    def append(self, told: Event) -> None:
        if self.moods:
            raise self.moods.pop(0)
        self.taken.append(told.id)


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "_FIRST_PAUSE", 0.001)


def deliver(folder: Path, ledger: MoodyLedger, events: list[Event]) -> Journal:
    """Commits events, and delivers until nothing waits."""

    async def run() -> Journal:
        journal = Journal.open(folder / "journal")
        delivering = Delivery(journal, ledger, folder / "aside")
        task = asyncio.get_running_loop().create_task(delivering.run())
        journal.commit(serving(1), events)
        delivering.wake()
        assert await delivering.flushed(10.0)
        task.cancel()
        return journal

    return asyncio.run(run())


def test_events_are_delivered_in_their_order(tmp_path: Path) -> None:
    """What happened first is entered first."""
    events = [event(step) for step in range(5)]
    ledger = MoodyLedger()
    deliver(tmp_path, ledger, events)
    assert ledger.taken == [one.id for one in events]


@pytest.mark.parametrize("mood", [Unavailable("down", "wait"), RuntimeError("a bug")])
def test_a_ledger_that_does_not_answer_is_asked_again(tmp_path: Path, mood: Exception) -> None:
    """Neither an absence nor a broken promise of the ledger loses an event or changes the order."""
    events = [event(step) for step in range(3)]
    ledger = MoodyLedger(mood, mood)
    assert deliver(tmp_path, ledger, events).pending == 0
    assert ledger.taken == [one.id for one in events]


def test_an_event_that_is_refused_for_good_is_set_aside(tmp_path: Path) -> None:
    """It does not hold back the others, and it is not lost."""
    events = [event(step) for step in range(3)]
    ledger = MoodyLedger(Tampered("another event has this id", "investigate"))
    deliver(tmp_path, ledger, events)
    assert ledger.taken == [one.id for one in events[1:]]
    assert Event.parse((tmp_path / "aside").read_bytes().strip()) == events[0]
