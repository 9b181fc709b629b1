"""The log of refused requests: what is written, what is counted, and that a seal is given once, whatever is killed when."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from lifecycle.errors import Unavailable
from lifecycle.proofs.merkle import leaf_hash, root_of
from lifecycle.records.bodies.access import REFUSAL_REASONS, RefusalReason, RefusalsSealed
from lifecycle.records.events import Event
from lifecycle.serving.access.refusal_log import Refusal, RefusalWriter
from lifecycle.serving.access.refusal_sealing import RefusalSealer
from lifecycle.serving.answering.counters import Counters
from lifecycle.serving.answering.metrics import exposition
from lifecycle.serving.rollouts.state import SealedStream

NO_KEY = Refusal("no_credential", 401, None, "credit")
QUOTA = Refusal("quota", 429, "grant-1", "credit")
SECOND_US = 1_000_000


class Journal:
    """Takes seals; raises instead while it is `full`."""

    def __init__(self) -> None:
        self.refusal_stream: SealedStream | None = None
        self.events: list[Event] = []
        self.full = False

    def commit_refusals(self, stream: SealedStream, event: Event) -> None:
        if self.full:
            raise Unavailable("The disk is full.", "Free space.")
        self.refusal_stream = stream
        self.events.append(event)

    def bodies(self) -> list[RefusalsSealed]:
        return [event.body for event in self.events if isinstance(event.body, RefusalsSealed)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "refusals").mkdir()
    return tmp_path / "refusals"


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for file in sorted(folder.glob("*.jsonl")) for line in file.read_bytes().splitlines()]


def sealed(folder: Path, journal: Journal) -> Journal:
    """What a gateway that starts on this folder and ends again leaves in its journal."""
    asyncio.run(RefusalSealer(folder, "local", journal).end())
    return journal


def test_the_first_refusal_of_a_kind_is_on_disk_at_once_and_the_others_of_its_second_are_counted(folder: Path) -> None:
    """A thousand refusals alike are two lines, whose counts add up; of another kind, a line of its own."""
    writer = RefusalWriter(folder, 0, 60.0)
    writer.refused(NO_KEY, 10)
    assert [line["requests"] for line in lines(folder)] == [1]
    for at_us in range(11, 1_010):
        writer.refused(NO_KEY, at_us)
    writer.refused(QUOTA, 20)
    assert [(line["reason"], line["requests"]) for line in lines(folder)] == [("no_credential", 1), ("quota", 1)]
    writer.settle(10 + SECOND_US)
    assert lines(folder)[-1] == {
        "reason": "no_credential",
        "status": 401,
        "grant_id": None,
        "model": "credit",
        "requests": 999,
        "from_us": 10,
        "to_us": 1_009,
    }
    writer.refused(NO_KEY, 10 + 2 * SECOND_US)
    assert len(lines(folder)) == 4


def test_a_seal_has_the_root_of_its_lines_and_true_counts(folder: Path) -> None:
    """What the ledger is told can be held against the file; what nobody can read any more is told as it was."""
    writer = RefusalWriter(folder, 0, 60.0)
    for at_us in range(50):
        writer.refused(NO_KEY, at_us)
    writer.refused(QUOTA, 7)
    writer.close()
    journal = sealed(folder, Journal())
    (body,) = journal.bodies()
    (file,) = folder.glob("*.jsonl")
    assert {one.reason: one.requests for one in body.refused} == {"no_credential": 50, "quota": 1}
    assert (body.number, body.lines, body.segment) == (1, 3, file.name)
    assert body.root == "sha256:" + root_of([leaf_hash(line) for line in file.read_bytes().splitlines()]).hex()
    assert sealed(folder, journal).bodies() == [body]


def test_what_is_still_written_is_not_sealed(folder: Path) -> None:
    """A segment whose worker lives may still grow: it is sealed once it is closed."""
    writer = RefusalWriter(folder, 0, 60.0)
    writer.refused(NO_KEY, 1)
    assert sealed(folder, Journal()).events == []
    writer.close()
    assert len(sealed(folder, Journal()).events) == 1


def test_a_gateway_that_is_killed_over_a_seal_gives_the_same_one_again(folder: Path) -> None:
    """Killed before the journal has it, and killed right after: one event, one number, and the next segment gets the next."""
    for at_us in (1, 2):
        writer = RefusalWriter(folder, at_us, 60.0)
        writer.refused(NO_KEY, at_us)
        writer.close()
    journal = Journal()
    journal.full = True
    assert sealed(folder, journal).events == []
    (first,) = folder.glob("*.seal")
    was = first.read_bytes()
    journal.full = False
    sealed(folder, journal)
    assert journal.events[0].canonical() + b"\n" == was
    assert [body.number for body in journal.bodies()] == [1, 2]
    # As if it had been killed after the journal had the second, and before the file was told so.
    done = max(folder.glob("*.sealed.json"))
    done.replace(done.with_name(done.name.replace(".sealed.json", ".seal")))
    assert [body.number for body in sealed(folder, journal).bodies()] == [1, 2]


def test_a_line_that_a_crash_tore_never_happened(folder: Path) -> None:
    """It is cut off before the segment is sealed; a segment that holds nothing else is taken away."""
    writer = RefusalWriter(folder, 0, 60.0)
    writer.refused(NO_KEY, 1)
    writer.close()
    (file,) = folder.glob("*.jsonl")
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"reason":"quo')
    empty = folder / "00000000000000001-1-1.jsonl"
    empty.write_bytes(b'{"rea')
    assert [body.lines for body in sealed(folder, Journal()).bodies()] == [1]
    assert file.read_bytes() == whole
    assert not empty.exists()


def test_a_segment_that_was_altered_is_not_sealed_and_is_told(folder: Path) -> None:
    """Attack: a line that no gateway writes. It keeps its place for whoever investigates, the status says so, others are sealed."""
    (folder / "00000000000000001-0-1.jsonl").write_bytes(b'{"reason":"because"}\n')
    writer = RefusalWriter(folder, 0, 60.0)
    writer.refused(NO_KEY, 1)
    writer.close()
    journal, told = Journal(), []

    async def run() -> None:
        sealer = RefusalSealer(folder, "local", journal)
        await sealer.end()
        told.append(sealer.fault)

    asyncio.run(run())
    assert [body.number for body in journal.bodies()] == [1]
    assert "not a line of the log of refusals" in told[0]


def test_every_refusal_is_counted_by_its_reason_over_all_workers_and_restarts(tmp_path: Path) -> None:
    """Also those of which no disk took a line; the counts outlive the worker that made them."""
    counters = Counters.open(tmp_path / "counters")
    writer = RefusalWriter(Path("/dev/null/x"), 0, 60.0, counters.turned_away)
    for at_us in (10, 11, 12):
        writer.refused(NO_KEY, at_us)
    writer.refused(QUOTA, 13)
    again = Counters.open(tmp_path / "counters")
    counted: dict[RefusalReason, int] = {reason: again.turned_away_for(reason) for reason in REFUSAL_REASONS}
    assert {reason: count for reason, count in counted.items() if count} == {"no_credential": 3, "quota": 1}
    text = exposition((), (), counted).decode()
    assert 'lifecycle_refused_requests_total{reason="no_credential"} 3\n' in text


def test_a_disk_that_takes_no_line_changes_no_answer() -> None:
    """Refusing goes on; what is lost is counted."""
    writer = RefusalWriter(Path("/dev/null/x"), 0, 60.0)
    writer.refused(NO_KEY, 1)
    writer.refused(QUOTA, 1)
    assert writer.lost == 2
