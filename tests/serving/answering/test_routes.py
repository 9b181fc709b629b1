"""The route table: what one process writes, others read at their next request, and never half."""

from __future__ import annotations

import multiprocessing
import struct
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from lifecycle.serving.answering.routes import SLOTS, WHOLE, Route, RouteTable, as_weight


def test_a_reader_sees_a_route_at_its_next_look(tmp_path: Path) -> None:
    """A table that was opened before a change reads the change."""
    table = RouteTable.create(tmp_path / "routes")
    reader = RouteTable.open(tmp_path / "routes")
    assert reader.read(3).champion == 0
    written = table.write(3, Route(champion=7, canary=8, weight=as_weight(0.25), refers=True, salt=b"12345678"))
    assert reader.read(3) == written
    assert reader.read(4).champion == 0


def test_epochs_grow_with_every_change_and_with_every_table(tmp_path: Path) -> None:
    """One epoch means one route, across restarts too."""
    first = RouteTable.create(tmp_path / "routes")
    epochs = [first.write(0, Route()).epoch for _ in range(3)]
    second = RouteTable.create(tmp_path / "routes").write(0, Route()).epoch
    assert epochs == sorted(set(epochs))
    assert second >= epochs[0]


def test_a_row_whose_writer_died_over_it_gives_the_last_good_one_without_its_canary(tmp_path: Path) -> None:
    """A torn row takes the canary out rather than guessing its weight."""
    table = RouteTable.create(tmp_path / "routes")
    table.write(0, Route(champion=1, canary=2, weight=as_weight(0.5)))
    reader = RouteTable.open(tmp_path / "routes")
    assert reader.read(0).canary == 2
    with (tmp_path / "routes").open("r+b") as file:
        file.seek(8)
        file.write(struct.pack("<Q", WHOLE))
    read = reader.read(0)
    assert (read.champion, read.canary, read.weight) == (1, 0, 0)


@given(share=st.floats(0.0, 1.0))
def test_a_weight_is_the_share_that_it_was_made_of(share: float) -> None:
    """No share is changed by more than 2^-32."""
    assert abs(Route(weight=as_weight(share)).canary_share - share) <= 1 / WHOLE


def _write_on(path: str, stop: object) -> None:
    """Alternates between two routes in another process, each with a champion that tells what else must be in it."""
    table = RouteTable.create(Path(path))
    number = 0
    while not stop.is_set():  # type: ignore[attr-defined]  # multiprocessing's Event has no public type
        number = number % 1_000 + 1
        table.write(0, Route(champion=number, canary=number + 1, weight=number, slow_us=number, salt=struct.pack("<Q", number)))


def test_no_reader_ever_sees_half_a_row(tmp_path: Path) -> None:
    """While another process writes without a pause, every row that is read is one that was written."""
    path = tmp_path / "routes"
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    writer = context.Process(target=_write_on, args=(str(path), stop))
    writer.start()
    try:
        while not path.exists() or path.stat().st_size < SLOTS * 64:
            pass
        reader = RouteTable.open(path)
        seen = set()
        for _ in range(100_000):
            route = reader.read(0)
            if route.champion:
                assert (route.canary, route.weight, route.slow_us) == (route.champion + 1, route.champion, route.champion)
                assert route.salt == struct.pack("<Q", route.champion)
                seen.add(route.epoch)
        assert len(seen) > 10
    finally:
        stop.set()
        writer.join()
