"""The journal: what is in it happened, whole, and what a crash tore off never did."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lifecycle.serving.rollouts.journal
from lifecycle.errors import Tampered, Unavailable
from lifecycle.records.bodies.serving import RolloutStepReached
from lifecycle.records.events import Event
from lifecycle.serving.rollouts.journal import Journal, replay
from lifecycle.serving.rollouts.rollout_events import about
from lifecycle.serving.rollouts.state import GatewayState, ModelState, ServedVersion
from tests.serving.packages import NOWHERE


def serving(version: int) -> GatewayState:
    """A state in which this version serves."""
    served = ServedVersion(version=version, digest=NOWHERE, cell=1)
    return GatewayState(models=(ModelState(model="credit", slot=0, champion=served),))


def event(step: int) -> Event:
    body = RolloutStepReached(rollout_id="r", step=step, weight=0.5, observed=())
    return about(body, model="credit", version=ServedVersion(version=1, digest=NOWHERE, cell=1), environment="local", run_id=None)


def champion(state: GatewayState) -> int | None:
    model = state.model("credit")
    return None if model is None or model.champion is None else model.champion.version


def test_what_was_committed_is_there_again(tmp_path: Path) -> None:
    """State and waiting events survive, in their order."""
    journal = Journal.open(tmp_path / "journal")
    journal.commit(serving(1), [event(0)])
    journal.commit(serving(2), [event(1), event(2)])
    again = Journal.open(tmp_path / "journal")
    assert champion(again.state) == 2
    waiting = []
    while (pending := again.next_pending()) is not None:
        waiting.append(pending.event.body)
        again.delivered(pending)
    assert [body.step for body in waiting if isinstance(body, RolloutStepReached)] == [0, 1, 2]


def test_what_the_ledger_took_is_not_sent_again(tmp_path: Path) -> None:
    """A delivered event is gone after a restart; the ones after it are not."""
    journal = Journal.open(tmp_path / "journal")
    journal.commit(serving(1), [event(0), event(1)])
    first = journal.next_pending()
    assert first is not None
    journal.delivered(first)
    again = Journal.open(tmp_path / "journal").next_pending()
    assert again is not None
    assert (again.number, again.event.body) == (2, event(1).body)


def test_numbers_go_on_after_everything_was_delivered(tmp_path: Path) -> None:
    """A number is never used for two events."""
    journal = Journal.open(tmp_path / "journal")
    journal.commit(serving(1), [event(0)])
    first = journal.next_pending()
    assert first is not None
    journal.delivered(first)
    again = Journal.open(tmp_path / "journal")
    again.commit(serving(1), [event(1)])
    second = again.next_pending()
    assert second is not None
    assert second.number > first.number


@given(cut=st.integers(1, 10_000))
def test_a_torn_end_is_a_change_that_never_happened(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    """Whatever a crash leaves of the last line, the state is the one before it or, where it is whole, after it."""
    path = tmp_path_factory.mktemp("torn") / "journal"
    journal = Journal.open(path)
    journal.commit(serving(1))
    before = path.stat().st_size
    journal.commit(serving(2), [event(0)])
    content = path.read_bytes()
    kept = before + cut % (len(content) - before + 1)
    path.write_bytes(content[:kept])
    state, pending, _ = replay(path)
    whole = kept == len(content)
    assert (champion(state), len(pending)) == ((2, 1) if whole else (1, 0))


def test_a_line_that_cannot_be_read_stops_everything(tmp_path: Path) -> None:
    """A changed line before the end is named, and nothing is guessed."""
    journal = Journal.open(tmp_path / "journal")
    journal.commit(serving(1))
    journal.commit(serving(2))
    lines = (tmp_path / "journal").read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b'"slot":0', b'"slot":"none"')
    (tmp_path / "journal").write_bytes(b"".join(lines))
    with pytest.raises(Tampered, match="Line 2"):
        Journal.open(tmp_path / "journal")


def test_no_journal_is_a_gateway_that_serves_nothing(tmp_path: Path) -> None:
    """A gateway's first start begins with nothing."""
    assert replay(tmp_path / "journal") == (GatewayState(), [], 0)


def test_a_journal_opens_where_it_cannot_be_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes no second copy is no reason not to serve: the torn end goes, and the rest stays as it is."""
    path = tmp_path / "journal"
    journal = Journal.open(path)
    journal.commit(serving(2), [event(0)])
    with path.open("ab") as file:
        file.write(b'{"torn')

    def full(path: Path, content: bytes) -> None:
        raise Unavailable("full", "free space")

    monkeypatch.setattr(lifecycle.serving.rollouts.journal, "write_durably", full)
    again = Journal.open(path)
    again.commit(serving(3))
    state, pending, _ = replay(path)
    assert (champion(state), len(pending)) == (3, 1)


def test_what_is_in_force_is_kept_until_the_disk_takes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk refuses an intent, and only delays the record of what has happened already."""
    path = tmp_path / "journal"
    journal = Journal.open(path)
    journal.commit(serving(1))
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", no_space)
        with pytest.raises(Unavailable, match="No space left"):
            journal.commit(serving(2), [event(0)])
        assert (champion(journal.state), journal.pending) == (1, 0)
        journal.commit(serving(3), [event(1)], in_force=True)
        assert (champion(journal.state), journal.pending, champion(replay(path)[0])) == (3, 1, 1)
        assert not journal.settle()
        assert "No space left" in journal.fault
    assert journal.settle()
    assert journal.fault == ""
    state, pending, _ = replay(path)
    assert (champion(state), [waiting.event.body for waiting in pending]) == (3, [event(1).body])


def no_space(descriptor: int) -> None:
    raise OSError(28, "No space left on device")
