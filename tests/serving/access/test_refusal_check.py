"""Whatever is done to the log of refused requests, or to its seals, shows."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle.records.bodies.access import RefusalReason, RefusalsSealed, RefusedCount
from lifecycle.records.events import Event
from lifecycle.serving.access.refusal_check import OwnRefusals, check_refusals
from lifecycle.serving.access.refusal_log import Refusal, RefusalWriter
from lifecycle.serving.access.refusal_sealing import RefusalSealer
from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.prediction_log.segment_check import SegmentFinding
from lifecycle.serving.rollouts.journal import Journal
from lifecycle.serving.rollouts.state import SealedStream

REASONS: tuple[RefusalReason, ...] = ("no_credential", "quota", "invalid")


class RefusalBooks:
    """Three sealed segments, entered into a real journal; `events` is what the ledger was told."""

    def __init__(self, home: Path) -> None:
        self.folder = GatewayFolder(home / "gateway")
        self.folder.make()
        self.events: list[Event] = []
        self._journal = Journal.open(self.folder.journal)
        for number in range(3):
            writer = RefusalWriter(self.folder.refusals, number, 60.0)
            for place, reason in enumerate(REASONS):
                writer.refused(Refusal(reason, 401, None, "credit"), 10 + place)
            writer.close()
        asyncio.run(RefusalSealer(self.folder.refusals, "local", self).end())

    @property
    def refusal_stream(self) -> SealedStream | None:
        return self._journal.state.refusals

    def commit_refusals(self, stream: SealedStream, event: Event) -> None:
        self._journal.commit(self._journal.state.model_copy(update={"refusals": stream}), [event])

    def deliver(self) -> None:
        """Has the ledger told of what waits."""
        while (pending := self._journal.next_pending()) is not None:
            self.events.append(pending.event)
            self._journal.delivered(pending)

    def bodies(self) -> list[RefusalsSealed]:
        return [event.body for event in self.events if isinstance(event.body, RefusalsSealed)]

    def segment(self, number: int) -> Path:
        """The file of the segment of this number, from 1."""
        return self.folder.refusals / self.bodies()[number - 1].segment

    def found(self, sealed: list[RefusalsSealed] | None = None, *, pruned: bool = False, all_here: bool = True) -> list[SegmentFinding]:
        bodies = self.bodies() if sealed is None else sealed
        return list(check_refusals(OwnRefusals.look(self.folder), list(enumerate(bodies)), lambda _: pruned, all_here=all_here))


@pytest.fixture
def books(tmp_path: Path) -> RefusalBooks:
    made = RefusalBooks(tmp_path)
    made.deliver()
    return made


def test_what_nobody_touched_holds(books: RefusalBooks) -> None:
    """Three segments, sealed and entered."""
    assert len(books.bodies()) == 3
    assert books.found() == []


def test_what_waits_for_the_ledger_is_not_missing_there(tmp_path: Path) -> None:
    """The journal has the seals, and the ledger is down."""
    assert RefusalBooks(tmp_path).found() == []


def _edited(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"requests":1', b'"requests":9', 1))


def _dropped(path: Path) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))


def _added(path: Path) -> None:
    path.write_bytes(path.read_bytes() + path.read_bytes().splitlines(keepends=True)[0])


def _appended(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b'{"half')


def _emptied(path: Path) -> None:
    path.write_bytes(b"")


def _garbled(path: Path) -> None:
    path.write_bytes(b"{}\n" + path.read_bytes())


@pytest.mark.parametrize("change", [_edited, _dropped, _added, _appended, _emptied, _garbled, Path.unlink])
@pytest.mark.parametrize("number", [1, 3])
def test_a_segment_that_is_not_what_was_sealed_is_named(books: RefusalBooks, change: Callable[[Path], None], number: int) -> None:
    """Of whichever segment: one finding, with the record that sealed it."""
    path = books.segment(number)
    change(path)
    (found,) = books.found()
    assert (found.index, found.broken) == (number - 1, True)
    assert path.name in found.what


def test_a_seal_that_says_another_count_than_its_lines_is_named(books: RefusalBooks) -> None:
    """None at all, or a flood that is made small: the root alone is not enough."""
    for refused in ((), (RefusedCount(reason="quota", requests=1),)):
        first, *others = books.bodies()
        (found,) = [
            one
            for one in books.found([first.model_copy(update={"refused": refused}), *others])
            if "something else than its lines" in one.what
        ]
        assert found.index == 0


def test_numbers_of_a_stream_have_no_gap_and_are_given_once(books: RefusalBooks) -> None:
    """A seal that is left out, one that comes twice, and one that jumps ahead."""
    first, second, third = books.bodies()
    assert any("1 before it are missing" in one.what for one in books.found([first, third]))
    assert any("the ledger does not have its seal" in one.what for one in books.found([first, second]))
    assert any("was given before" in one.what for one in books.found([first, second, third, third]))
    assert any("4 before it are missing" in one.what for one in books.found([first, second, third.model_copy(update={"number": 7})]))


def test_pruned_seals_are_no_gap(books: RefusalBooks) -> None:
    """Where the ledger says that the bytes of an event went after their time, nothing is missing."""
    assert books.found(books.bodies()[1:], pruned=True) == []


def test_a_log_that_is_gone_as_a_whole_shows(books: RefusalBooks) -> None:
    """The journal still knows the stream for its own; without a journal it is told, or found where it can be no other gateway's."""
    shutil.rmtree(books.folder.refusals)
    assert [one.what.count("is missing") for one in books.found()] == [1, 1, 1]
    shutil.rmtree(books.folder.path)
    (gone,) = books.found()
    assert gone.broken
    (told,) = books.found(all_here=False)
    assert not told.broken


def test_a_seal_that_was_swapped_is_named(books: RefusalBooks) -> None:
    """What lies beside a segment and can't be read is a finding, and no crash."""
    beside = min(books.folder.refusals.glob("*.sealed.json"))
    beside.write_bytes(b"{}")
    assert any(beside.name in one.what for one in books.found())
