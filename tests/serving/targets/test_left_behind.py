"""What gone pods have left: finished once, by whoever has the volume, and by nobody while a pod may still be there."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from lifecycle.errors import Unavailable
from lifecycle.records.bodies.serving import PredictionsSealed
from lifecycle.records.events import Event
from lifecycle.serving.homes import PODS
from lifecycle.serving.prediction_log.sealing import Sealer
from lifecycle.serving.prediction_log.segments import create_held
from lifecycle.serving.targets.left_behind import LeftBehind
from lifecycle.serving.targets.pods import Pods
from tests.serving.sealed_log import SealedLog

POD = "credit-v1-a"


class Ledger:
    """A sink that may be away."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.away = False

    def append(self, event: Event, /) -> None:
        if self.away:
            raise Unavailable("The ledger is away.", "Wait.")
        self.events.append(event)


class Volume:
    """A volume with the home of one pod that has gone, and three rows in it that nobody has sealed."""

    def __init__(self, home: Path) -> None:
        self.pods = home / PODS
        self.log = SealedLog(self.pods / POD, segments=0)
        self.log.write([0, 1, 2])
        self.there: set[str] = set()
        self.ledger = Ledger()
        self.left = self.controller()

    def controller(self) -> LeftBehind:
        """What a controller that starts here knows."""
        return LeftBehind(Pods(self.pods, lambda: frozenset(self.there)), "local", self.ledger, 60.0)

    def look(self) -> None:
        asyncio.run(self.left.look())

    @property
    def sealed(self) -> list[int]:
        """The rows of the segments that the ledger was told of."""
        return [event.body.rows for event in self.ledger.events if isinstance(event.body, PredictionsSealed)]


@pytest.fixture
def volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Volume:
    monkeypatch.setattr("lifecycle.serving.targets.left_behind._DELIVERY_SECONDS", 0.2)
    return Volume(tmp_path)


def test_the_rows_of_a_gone_pod_are_sealed_and_told_once(volume: Volume) -> None:
    """By the event that the pod itself would have sent: a second look, and another controller, tell nothing more."""
    for _ in range(2):
        volume.look()
        assert (volume.sealed, volume.left.faults) == ([3], {})
    volume.left = volume.controller()
    volume.look()
    assert volume.sealed == [3]


def test_what_a_gone_pod_could_not_hand_over_is_told(volume: Volume) -> None:
    """Its journal says what waits for the ledger; what is sealed after it goes on in its stream."""
    asyncio.run(Sealer(volume.log.folder.predictions, "local", volume.log).end())
    assert volume.ledger.events == []
    volume.log.write([3, 4])
    volume.look()
    bodies = [told.body for told in volume.ledger.events if isinstance(told.body, PredictionsSealed)]
    assert [(body.number, body.rows) for body in bodies] == [(1, 3), (2, 2)]
    assert len({body.stream for body in bodies}) == 1


def test_a_pod_that_is_there_is_left_alone(volume: Volume) -> None:
    """Its own gateway seals what it writes."""
    volume.there.add(POD)
    volume.look()
    assert (volume.sealed, volume.log.log.seals()) == ([], ())


def test_a_home_that_a_gateway_holds_is_left_alone(volume: Volume) -> None:
    """The cluster has forgotten a pod that goes on, as on a node that is cut off: its rows are its own until its lock is free."""
    lock = volume.log.folder.take_lock()
    volume.look()
    assert (volume.sealed, list(volume.left.faults)) == ([], [POD])
    os.close(lock)
    volume.look()
    assert (volume.sealed, volume.left.faults) == ([3], {})


def test_rows_that_somebody_still_writes_are_not_cut(volume: Volume) -> None:
    """A worker that outlived its gateway holds its segment, and its last line is its own."""
    segment = volume.log.log.rows("00000000000000009-1-1.jsonl")
    writing = create_held(segment)
    os.write(writing, b"half a li")
    volume.look()
    assert (volume.sealed, segment.read_bytes()) == ([3], b"half a li")
    os.close(writing)


def test_where_the_cluster_does_not_answer_nothing_is_taken_for_gone(volume: Volume) -> None:
    """Nobody knows then which pods there are: it is said, and looked again."""

    def nobody_answers() -> frozenset[str]:
        raise Unavailable("The cluster's API server does not answer.", "Wait.")

    volume.left = LeftBehind(Pods(volume.pods, nobody_answers), "local", volume.ledger, 60.0)
    volume.look()
    assert (volume.sealed, list(volume.left.faults)) == ([], [""])


def test_what_the_ledger_does_not_take_is_told_at_a_later_look(volume: Volume) -> None:
    """Sealed it is at once; the very same event goes when the ledger is back."""
    volume.ledger.away = True
    volume.look()
    assert "1 of its events wait for the ledger" in volume.left.faults[POD]
    seals = volume.log.log.seals()
    volume.ledger.away = False
    volume.look()
    assert (volume.sealed, volume.left.faults, volume.log.log.seals()) == ([3], {}, seals)


def test_a_segment_that_is_no_log_keeps_its_place_and_holds_up_no_other(volume: Volume) -> None:
    """It is named for whoever investigates; the rest is sealed."""
    volume.log.write([3])
    first = volume.log.rows(0)
    first.write_bytes(b"no row\n")
    volume.look()
    assert volume.sealed == [1]
    assert "is not a row of the prediction log" in volume.left.faults[POD]


def test_a_home_with_a_link_in_it_stops_the_look_and_is_named(volume: Volume, tmp_path: Path) -> None:
    """Nothing is sealed through it: a pod could have what lies elsewhere on the volume cut."""
    key = tmp_path / "ledger.key"
    key.write_bytes(b"KEY")
    volume.log.rows().unlink()
    (volume.log.log.folder / "rows" / "00000000000000009-1-1.jsonl").symlink_to(key)
    volume.look()
    assert "is a link" in volume.left.faults[""]
    assert (volume.sealed, key.read_bytes()) == ([], b"KEY")
