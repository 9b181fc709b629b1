"""Where no database is shared, events wait in a journal: whatever becomes of the ledger meanwhile, each is recorded once, in order."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle.errors import Unavailable
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.storage.turn import Receipt
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.records.bodies.serving import PredictionsSealed, SealedVersion
from lifecycle.records.events import Event, Link, Subject
from lifecycle.records.identity import derived_id
from lifecycle.serving.rollouts import delivery
from lifecycle.serving.rollouts.delivery import Delivery
from lifecycle.serving.rollouts.journal import Journal
from lifecycle.serving.rollouts.rollout_events import GATEWAY
from tests.faults.failing_disk import Disk, failing
from tests.ledger.happenings import ORIGIN, digest, happening
from tests.ledger.places import EVERY_DATABASE, POSTGRES_ONLY, Place, PostgresPlace
from tests.ledger.server import running_server
from tests.serving.rollouts.test_journal import serving

#: What is done at the append of this number, from 1.
Deed = Callable[[int], None]
TERMINATE_OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(delivery, "_LONGEST_PAUSE", 0.05)


def nothing(count: int) -> None:
    """What is done at most appends."""


def sealed(number: int) -> Event:
    """Something that a gateway tells and that moves no version."""
    body = PredictionsSealed(
        segment=f"{number}.jsonl",
        stream=derived_id("stream"),
        number=number,
        rows=1,
        from_us=1,
        to_us=2,
        root=digest("rows"),
        versions=(SealedVersion(version=1, model_digest=digest("m"), decision_id="d", bundle_digest=digest("b"), arm="champion", rows=1),),
    )
    links = (Link(role="predictions", digest=digest("rows")),)
    subject = Subject(kind="model", name="credit")
    return Event.happened(body, subject=subject, actor=GATEWAY, environment="local", outputs=links)


class Sink:
    """A ledger that something is done to at each append, before it or after it."""

    def __init__(
        self, ledger: Ledger, before: Callable[[int], None] = lambda count: None, after: Callable[[int], None] = lambda count: None
    ):
        self._ledger, self._before, self._after = ledger, before, after
        self.asked = 0

    def append(self, happened: Event) -> Receipt:
        self.asked += 1
        self._before(self.asked)
        receipt = self._ledger.append(happened)
        self._after(self.asked)
        return receipt


def deliver(folder: Path, sink: Sink, events: list[Event]) -> None:
    """Commits events to the journal, and delivers until nothing waits; none is set aside."""

    async def run() -> None:
        journal = Journal.open(folder / "journal")
        delivering = Delivery(journal, sink, folder / "aside")
        task = asyncio.get_running_loop().create_task(delivering.run())
        journal.commit(serving(1), events)
        delivering.wake()
        assert await delivering.flushed(60.0)
        task.cancel()
        journal.close()
        assert not delivering.refused.count

    asyncio.run(run())


def require_each_once(url: str, events: list[Event], before: int = 0) -> None:
    with Ledger.open(url, origin=ORIGIN) as ledger:
        assert [recorded.event.id for recorded in ledger.events(since=before)] == [one.id for one in events]
    assert verify_ledger(url, None).ok


@EVERY_DATABASE
def test_an_answer_that_is_lost_each_time_records_each_event_once(place: Place, tmp_path: Path) -> None:
    """The append was done and nobody heard: it is asked again, and gets the receipt of the first."""

    def lose_it(count: int) -> None:
        if count % 3:
            raise Unavailable("The answer is lost.", "Ask again.")

    events = [sealed(number) for number in range(1, 6)]
    with Ledger.open(place.url, origin=ORIGIN) as ledger:
        sink = Sink(ledger, after=lose_it)
        deliver(tmp_path, sink, events)
    assert sink.asked > len(events)
    require_each_once(place.url, events)


def test_a_ledger_that_somebody_holds_is_waited_for(place: Place, tmp_path: Path) -> None:
    """Locked for longer than one append waits: events queue up, and are entered in their order once it is free."""
    events = [sealed(number) for number in range(1, 5)]
    with Ledger.open(place.url, origin=ORIGIN) as holder, Ledger.open(f"{place.url}?timeout=0.02", origin=ORIGIN) as impatient:
        sink = Sink(impatient)
        held = threading.Event()

        def hold() -> None:
            with holder.writing() as writer:
                held.set()
                writer.append(happening(0))
                while sink.asked < 5:
                    time.sleep(0.005)

        holding = threading.Thread(target=hold)
        holding.start()
        held.wait()
        deliver(tmp_path, sink, events)
        holding.join()
    require_each_once(place.url, events, before=1)


def test_a_disk_that_is_full_for_a_while_is_waited_for(place: Place, tmp_path: Path) -> None:
    """No write goes through until there is room again: nothing is set aside and nothing is recorded twice."""
    events = [sealed(number) for number in range(1, 5)]
    disk = Disk()
    with failing(disk), Ledger.open(place.url, origin=ORIGIN) as ledger:
        full_until = 6

        def fill(count: int) -> None:
            disk.at, disk.manner = (len(disk.asked), "full") if count < full_until else (None, "full")

        deliver(tmp_path, Sink(ledger, before=fill), events)
    require_each_once(place.url, events)


@POSTGRES_ONLY
def test_connections_that_are_lost_at_each_append_are_made_again(place: PostgresPlace, tmp_path: Path) -> None:
    """Ended by the server before every other one."""
    events = [sealed(number) for number in range(1, 7)]

    def lose(count: int) -> None:
        if count % 2:
            place.fetch(TERMINATE_OTHERS)

    with Ledger.open(place.url, origin=ORIGIN) as ledger:
        deliver(tmp_path, Sink(ledger, before=lose), events)
    require_each_once(place.url, events)


@POSTGRES_ONLY
def test_a_server_that_is_down_for_a_while_is_waited_for(place: PostgresPlace, tool: Callable[[str], str], tmp_path: Path) -> None:
    """Crashed in the middle of the deliveries, and started again later: no event is taken for refused, and each is recorded once."""
    events = [sealed(number) for number in range(1, 9)]
    with running_server(tool("initdb"), tool("postgres")) as server:
        url = server.empty_database()
        with Ledger.open(url, origin=ORIGIN) as ledger:

            def crash(count: int) -> None:
                if count == 4:
                    server.stop(at_once=True)
                if count == 10:
                    server.start()

            deliver(tmp_path, Sink(ledger, before=crash), events)
        require_each_once(url, events)


@EVERY_DATABASE
def test_a_gateway_killed_between_the_append_and_its_own_note_of_it_records_once(place: Place, tmp_path: Path, repository: Path) -> None:
    """The ledger has the event, the journal does not know: the next one sends it again, and it stands once."""
    script = f"""
import os, signal
from pathlib import Path
from lifecycle.ledger.ledger import Ledger
from tests.faults.test_ledger_outbox import Sink, deliver
from tests.ledger.happenings import ORIGIN
from tests.faults.test_ledger_outbox import sealed
with Ledger.open({place.url!r}, origin=ORIGIN) as ledger:
    kill = lambda count: os.kill(os.getpid(), signal.SIGKILL) if count == 3 else None
    deliver(Path({str(tmp_path)!r}), Sink(ledger, after=kill), [sealed(number) for number in range(1, 6)])
"""
    killed = subprocess.run([sys.executable, "-c", script], cwd=repository, check=False, timeout=120)
    assert killed.returncode == -9
    with Ledger.open(place.url, origin=ORIGIN) as ledger:
        standing = [recorded.event.id for recorded in ledger.events()]
        assert len(standing) == 3
        sink = Sink(ledger)
        deliver(tmp_path, sink, [])
        after = [recorded.event for recorded in ledger.events()]
    assert sink.asked == 3
    assert [one.id for one in after][:3] == standing
    assert [one.body.number for one in after] == list(range(1, 6))  # type: ignore[attr-defined]  # PredictionsSealed
    assert verify_ledger(place.url, None).ok
