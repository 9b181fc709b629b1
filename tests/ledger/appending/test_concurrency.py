"""Several processes append at once: nothing is lost, nothing forks, nobody is turned away."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from lifecycle.errors import Tampered
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.proofs.notes import VerifierKey
from tests.ledger.happenings import ORIGIN, happening

WRITERS = 4


def start_writer(url: str, first: int, count: int, batch: int, repository: Path) -> subprocess.Popen[str]:
    command = (sys.executable, "-m", "tests.ledger.writers", url, str(first), str(count), str(batch))
    return subprocess.Popen(command, cwd=repository, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.parametrize(("appends", "batch"), [(1_000, 1), (1_000, 25)])
def test_four_processes_lose_nothing_and_fork_nothing(
    ledger_file: Path, log_key: VerifierKey, repository: Path, appends: int, batch: int
) -> None:
    """4 × 1,000 appends into a ledger that does not exist yet: all 4,000 stand, once, contiguous, and hash to the head.

    With SQLite's own deferred transactions about a third of them are lost: two writers read one head.
    """
    url = f"sqlite:///{ledger_file}"
    writers = [start_writer(url, number * 10_000, appends, batch, repository) for number in range(WRITERS)]
    outputs = [writer.communicate(timeout=240) for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * WRITERS, [error[-2000:] for _, error in outputs]
    acknowledged = [line for output, _ in outputs for line in output.split()]
    assert len(acknowledged) == WRITERS * appends
    with Ledger.open(url, origin=ORIGIN) as ledger:
        assert ledger.head().size == WRITERS * appends
        standing = [recorded.event.id for recorded in ledger.events()]
    assert sorted(standing) == sorted(acknowledged)
    result = verify_ledger(url, log_key)
    assert (result.ok, result.size) == (True, WRITERS * appends), result.findings


def test_threads_of_one_process_take_turns(ledger: Ledger, log_key: VerifierKey) -> None:
    """One Ledger may be shared between threads."""
    threads = [Thread(target=lambda number=number: [ledger.append(happening(number * 100 + i)) for i in range(25)]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (verify_ledger(ledger, log_key).ok, ledger.head().size) == (True, 100)


def test_a_reader_does_not_wait_for_a_writer(ledger: Ledger) -> None:
    """While one transaction has its turn, others read what stood before it."""
    ledger.append(happening(0))
    with ledger.writing() as writer:
        writer.append(happening(1))
        with Ledger.open(ledger.url, origin=ORIGIN) as other:
            assert (len(other.events()), other.head().size) == (1, 1)


def test_version_numbers_are_given_out_once(ledger: Ledger, repository: Path) -> None:
    """Threads that each ask for the next version and record it get different ones."""
    from tests.ledger.happenings import trained

    taken: list[int] = []

    def take() -> None:
        with ledger.writing() as writer:
            version = writer.next_version("credit")
            writer.append(trained(version))
            taken.append(version)

    threads = [Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(1, 9))


def test_many_writers_at_once_leave_readers_their_connections(ledger: Ledger) -> None:
    """After more writers than a pool has connections, as many readers still get theirs, and one connection waits for the next writer."""
    threads = [Thread(target=ledger.append, args=(happening(number),)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert ledger.head().size == 30
    assert ledger.append(happening(30)).index == 30


def test_a_turn_that_was_broken_off_leaves_nothing_to_the_next(ledger: Ledger) -> None:
    """A writer whose block raises hands on no half transaction: the next one gets the same index."""
    first = ledger.append(happening(0))

    def break_off() -> None:
        with ledger.writing() as writer:
            writer.append(happening(1))
            writer.append(happening(2, event_id=first.event_id))

    with pytest.raises(Tampered, match="other content"):
        break_off()
    assert ledger.append(happening(2)).index == 1
    assert ledger.head().size == 2
