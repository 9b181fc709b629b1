"""The server under a Postgres ledger goes away, at any moment of an append: all of it stands or nothing, and a retry records once."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest

from lifecycle.errors import Unavailable
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.verifying.fsck import examine
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.records.events import Event
from tests.faults.deaf_proxy import deaf_proxy
from tests.ledger.happenings import ORIGIN, evaluated, happening, trained
from tests.ledger.places import POSTGRES_ONLY, PostgresPlace
from tests.ledger.server import running_server

pytestmark = POSTGRES_ONLY

TERMINATE_OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@pytest.fixture
def ledger(place: PostgresPlace) -> Iterator[Ledger]:
    with Ledger.open(place.url, origin=ORIGIN) as opened:
        opened.append(happening(0))
        yield opened


def require_whole(ledger: Ledger, size: int) -> None:
    """So many records, all of which hold, with the projections that they say; and the next append takes its place."""
    assert ledger.head().size == size
    assert examine(ledger.url).differences == ()
    result = verify_ledger(ledger, None)
    assert (result.ok, result.size) == (True, size), result.findings
    assert ledger.append(happening(size)).index == size


def test_a_connection_lost_in_mid_transaction_leaves_nothing_in_part(ledger: Ledger, place: PostgresPlace) -> None:
    """The server ends the connection after the append and before the commit: nothing was written, and the same ledger goes on."""

    def lose_it() -> None:
        with ledger.writing() as writer:
            writer.append_all([trained(1), evaluated(1)])
            place.fetch(TERMINATE_OTHERS)

    with pytest.raises(Unavailable, match="does not answer") as error:
        lose_it()
    assert "recorded once" in error.value.next_step
    require_whole(ledger, 1)


def test_a_connection_lost_between_two_statements_is_said_to_be(ledger: Ledger, place: PostgresPlace) -> None:
    """In the middle of the block too, the error is ours."""

    def lose_it() -> None:
        with ledger.writing() as writer:
            place.fetch(TERMINATE_OTHERS)
            writer.append(trained(1))

    with pytest.raises(Unavailable, match="does not answer"):
        lose_it()
    require_whole(ledger, 1)


def test_connections_that_were_lost_while_nobody_used_them_are_not_noticed(ledger: Ledger, place: PostgresPlace) -> None:
    """A server that was started anew, or a firewall that forgot, costs a connection and no append."""
    place.fetch(TERMINATE_OTHERS)
    assert ledger.append(happening(1)).index == 1
    place.fetch(TERMINATE_OTHERS)
    assert len(ledger.events()) == 2


def test_an_answer_that_is_lost_costs_nothing_when_the_event_is_sent_again(ledger: Ledger, place: PostgresPlace) -> None:
    """The commit was done and its answer never came: whoever sends the same event again gets the receipt of the first."""
    event = happening(1)
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        socket = Path(place.url.partition("host=")[2]) / ".s.PGSQL.5432"
        with deaf_proxy(socket, Path(name)) as proxy:
            through = place.url.partition("host=")[0] + f"host={name}"
            with Ledger.open(through, origin=ORIGIN) as remote:

                def append_and_hear_nothing() -> None:
                    with remote.writing() as writer:
                        writer.append(event)
                        proxy.word = b"COMMIT"

                with pytest.raises(Unavailable):
                    append_and_hear_nothing()
                until = time.monotonic() + 30
                while ledger.head().size == 1 and time.monotonic() < until:
                    time.sleep(0.01)
                assert ledger.head().size == 2
                assert remote.append(event).index == 1
    require_whole(ledger, 2)


def test_a_server_that_takes_no_writes_is_read_and_refuses_the_append(ledger: Ledger, place: PostgresPlace) -> None:
    """A standby, or one that was set read-only: everything can be looked at, and an append says why it can't be."""
    with Ledger.open(f"{place.url}&options=-c%20default_transaction_read_only%3Don", origin=ORIGIN) as standby:
        assert len(standby.events()) == 1
        with pytest.raises(Unavailable, match="can't be written") as error:
            standby.append(happening(1))
        assert "the one that takes writes" in error.value.next_step
    require_whole(ledger, 1)


def test_a_turn_that_somebody_holds_ends_the_wait_with_an_error(place: PostgresPlace, ledger: Ledger) -> None:
    """A writer that hangs while it has its turn makes others give up, with nothing written; not wait for ever."""
    ledger.append(happening(1))
    with ledger.writing() as writer:
        with (
            Ledger.open(f"{place.url}&options=-c%20lock_timeout%3D200", origin=ORIGIN) as impatient,
            pytest.raises(Unavailable, match="locked by another process"),
        ):
            impatient.append(happening(2))
        writer.append(happening(3))
    require_whole(ledger, 3)


@pytest.mark.slow
def test_a_server_that_crashes_and_comes_back_kept_all_that_was_acknowledged(tool: Callable[[str], str], place: PostgresPlace) -> None:
    """Writers retry what they do not know of; at the end every event stands once."""
    with running_server(tool("initdb"), tool("postgres")) as server, Ledger.open(server.empty_database(), origin=ORIGIN) as ledger:
        acknowledged: list[str] = []
        events = [happening(number) for number in range(120)]

        def write(mine: list[Event]) -> None:
            for event in mine:
                while True:
                    try:
                        acknowledged.append(ledger.append(event).event_id)
                        break
                    except Unavailable:
                        time.sleep(0.02)

        threads = [Thread(target=write, args=(events[start::3],)) for start in range(3)]
        for thread in threads:
            thread.start()
        for crashed_at in (20, 50, 80):
            until = time.monotonic() + 60
            while len(acknowledged) < crashed_at and time.monotonic() < until:
                time.sleep(0.002)
            server.stop(at_once=True)
            server.start()
        for thread in threads:
            thread.join(timeout=120)
        assert sorted(acknowledged) == sorted(event.id for event in events)
        assert sorted(recorded.event.id for recorded in ledger.events()) == sorted(acknowledged)
        require_whole(ledger, 120)


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, 40])
def test_a_writer_killed_at_any_moment_leaves_whole_batches(place: PostgresPlace, ledger: Ledger, repository: Path, batch: int) -> None:
    """Killed with SIGKILL while it appends: what it had acknowledged stands, and its turn goes to the next."""
    for turn, pause in enumerate((0.0, 0.017, 0.061, 0.153)):
        command = (sys.executable, "-m", "tests.ledger.writers", place.url, str(turn * 100_000 + 1_000), "100000", str(batch))
        with subprocess.Popen(command, cwd=repository, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            lines = [writer.stdout.readline()]
            time.sleep(pause)
            writer.kill()
            lines += writer.stdout.readlines()
        ledger.append(happening(turn))
        standing = {recorded.event.id for recorded in ledger.events()}
        assert {line.strip() for line in lines if line.endswith("\n")} <= standing
        assert len([event_id for event_id in standing if event_id.isdigit()]) % batch == 0
    require_whole(ledger, ledger.head().size)
