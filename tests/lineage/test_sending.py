"""Lineage over HTTP: every run event once, whatever the receiver and the machine do in between."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifecycle.errors import InvalidDeclaration, MalformedRecord, Tampered, Unavailable
from lifecycle.lineage import sending
from lifecycle.lineage.export import lineage_of, written
from lifecycle.lineage.outbox import Outbox
from lifecycle.lineage.parsing import parse_openlineage
from lifecycle.lineage.receiver import Receiver, endpoint
from lifecycle.lineage.sending import Patience, Sent
from lifecycle.records.bodies.keeping import LedgerRestored
from lifecycle.records.bodies.training import TrainingStarted
from lifecycle.records.events import Subject
from lifecycle.records.record import canonical_bytes
from tests.lineage import in_memory, lives
from tests.lineage.receivers import Receiving, Request, receiver


def told_once(pauses: list[float] | None = None, **chosen: Any) -> Patience:
    """Patience that pauses in no time, and tells how long it would have."""
    return Patience(pause=(pauses if pauses is not None else []).append, **chosen)


def send(ledger: in_memory.Ledger, receiving: Receiving, folder: Path, patience: Patience | None = None, **chosen: Any) -> Sent:
    there = Receiver(receiving.url)
    return sending.send(ledger, there, Outbox(folder, there.url), patience or told_once(), **chosen)


def graph_of(requests: list[Request]) -> tuple[set[str], set[tuple[str, str, str, str]]]:
    """The nodes and edges of what a receiver took."""
    graph = parse_openlineage(b"\n".join(canonical_bytes(one.event) for one in requests)).graph
    return {*graph.entities, *graph.activities}, {(one.activity, one.relation, one.other, one.role) for one in graph.edges}


def joined(ledger: in_memory.Ledger) -> in_memory.Ledger:
    """The same life, its trainings named from their start on, as they are written today (what was written before waits for its end)."""
    for place, one in enumerate(ledger.recorded):
        body = one.event.body
        if isinstance(body, TrainingStarted):
            named = body.model_copy(update={"training_id": one.event.id.replace("started", "training")})
            ledger.recorded[place] = one.model_copy(update={"event": one.event.model_copy(update={"body": named})})
    return ledger


def exported(ledger: in_memory.Ledger) -> list[dict[str, Any]]:
    (content,) = written(lineage_of(ledger), "openlineage").values()
    return [json.loads(line) for line in content.splitlines()]


def identity(event: dict[str, Any]) -> tuple[str, str, str]:
    return event["run"]["runId"], event["eventType"], event["eventTime"]


def test_a_receiver_is_told_what_the_export_says(tmp_path: Path) -> None:
    """The same run events, in the same order, at OpenLineage's path, and the graph of them is that of the ledger."""
    ledger = lives.whole_life()
    with receiver() as receiving:
        sent = send(ledger, receiving, tmp_path)
    assert [identity(one.event) for one in receiving.taken] == [identity(event) for event in exported(ledger)]
    assert {one.path for one in receiving.taken} == {"/api/v1/lineage"}
    assert graph_of(receiving.taken) == graph_of([Request("", {}, event) for event in exported(ledger)])
    assert (sent.accepted, sent.refused, sent.waiting) == (len(receiving.taken), (), 0)


def test_what_was_told_is_not_told_again(tmp_path: Path) -> None:
    """The second call sends nothing; what happens later is sent by itself."""
    ledger = lives.whole_life()
    with receiver() as receiving:
        send(ledger, receiving, tmp_path)
        before = len(receiving.taken)
        assert send(ledger, receiving, tmp_path).accepted == 0
        lives.revoked(ledger, 3)
        assert send(ledger, receiving, tmp_path).accepted == 2
    assert [one.event["eventType"] for one in receiving.taken[before:]] == ["START", "COMPLETE"]
    assert len(set(receiving.keys)) == len(receiving.keys)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 40), max_size=4))
def test_however_a_life_is_cut_into_calls_each_event_is_told_once(cuts: list[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Sent at any moments of its life, a ledger gives the same events as sent at its end."""
    whole, ledger = joined(lives.whole_life()), in_memory.Ledger()
    folder = tmp_path_factory.mktemp("cut")
    with receiver() as receiving:
        for size in [*sorted(cuts), len(whole.recorded)]:
            ledger.recorded = whole.recorded[:size]
            send(ledger, receiving, folder)
    assert len(set(receiving.keys)) == len(receiving.keys)
    assert sorted(identity(one.event) for one in receiving.taken) == sorted(identity(event) for event in exported(whole))
    assert graph_of(receiving.taken) == graph_of([Request("", {}, event) for event in exported(whole)])


def test_a_receiver_that_is_down_is_told_everything_when_it_is_back(tmp_path: Path) -> None:
    """Nothing listens; then it does. The call that failed said what to do, and lost nothing."""
    ledger = lives.whole_life()
    with receiver() as receiving:
        port = int(receiving.url.rpartition(":")[2])
    pauses: list[float] = []
    with pytest.raises(Unavailable, match="does not take lineage") as raised:
        send(ledger, receiving, tmp_path, told_once(pauses))
    assert "goes on from here" in raised.value.next_step
    assert len(pauses) == 4
    assert pauses == sorted(pauses)
    with receiver(port=port) as back:
        send(ledger, back, tmp_path)
    assert [identity(one.event) for one in back.taken] == [identity(event) for event in exported(ledger)]


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599, 0])
def test_what_passes_is_waited_for(status: int, tmp_path: Path) -> None:
    """Each such answer, or none at all, is followed by the same event again, and then by the rest."""

    def answer(request: Request, count: int) -> tuple[int, dict[str, str]]:
        return (status, {}) if count in (3, 4) else (201, {})

    ledger = lives.whole_life()
    with receiver(answer) as receiving:
        send(ledger, receiving, tmp_path)
    assert [identity(one.event) for one in receiving.taken] == [identity(event) for event in exported(ledger)]
    assert len({one.key for one in receiving.requests[2:5]}) == 1


def test_a_receiver_that_asks_for_time_gets_it(tmp_path: Path) -> None:
    """Retry-After is kept to, up to the longest pause."""
    pauses: list[float] = []
    with receiver(lambda request, count: (503, {"Retry-After": "7"}) if count == 1 else (201, {})) as receiving:
        send(lives.whole_life(), receiving, tmp_path, told_once(pauses))
    assert pauses == [7.0]


@pytest.mark.parametrize("status", [301, 302, 307, 401, 403, 404, 405])
def test_a_wrong_address_or_key_stops_at_once(status: int, tmp_path: Path) -> None:
    """One request, no retry, no redirect followed; and what to check."""
    elsewhere = {"Location": "http://127.0.0.1:1/elsewhere"}
    with receiver(lambda request, count: (status, elsewhere)) as receiving, pytest.raises(Unavailable) as raised:
        send(lives.whole_life(), receiving, tmp_path)
    assert len(receiving.requests) == 1
    assert "LIFECYCLE_OPENLINEAGE_API_KEY" in raised.value.next_step


def test_what_a_receiver_refuses_is_named_and_the_rest_is_told(tmp_path: Path) -> None:
    """Two events that it will not have hold up no other, and are not offered again."""
    ledger = lives.whole_life()
    with receiver(lambda request, count: (422, {}) if count in (3, 4) else (201, {})) as receiving:
        sent = send(ledger, receiving, tmp_path)
        again = send(ledger, receiving, tmp_path)
    assert [(one.status, one.says) for one in sent.refused] == [(422, "what it said")] * 2
    assert sent.accepted == len(exported(ledger)) - 2
    assert (again.accepted, again.refused, again.waiting) == (0, (), 0)


def test_a_receiver_that_refuses_everything_sets_nothing_aside(tmp_path: Path) -> None:
    """After three it is the receiver, and not the event: all is told once it takes something."""
    ledger = lives.whole_life()
    with receiver(lambda request, count: (400, {}) if count <= 3 else (201, {})) as receiving:
        with pytest.raises(Unavailable, match="HTTP 400"):
            send(ledger, receiving, tmp_path)
        sent = send(ledger, receiving, tmp_path)
    assert sent.refused == ()
    assert [identity(one.event) for one in receiving.taken] == [identity(event) for event in exported(ledger)]


def test_what_is_there_already_counts_as_taken(tmp_path: Path) -> None:
    """A receiver that answers 409 to an event that it has is told the next one."""
    with receiver(lambda request, count: (409 if count == 2 else 201, {})) as receiving:
        assert send(lives.whole_life(), receiving, tmp_path).refused == ()


def test_from_tells_everything_once_more_under_the_same_keys(tmp_path: Path) -> None:
    """For a receiver that was wiped: the same run ids and idempotency keys."""
    ledger = lives.whole_life()
    with receiver() as receiving:
        send(ledger, receiving, tmp_path)
        first = list(receiving.keys)
        send(ledger, receiving, tmp_path, since=0)
    assert receiving.keys[len(first) :] == first


def test_a_call_whose_time_is_over_goes_on_in_the_next(tmp_path: Path) -> None:
    """A sensor has seconds: what it did not come to is told by its next look."""
    ledger = lives.whole_life()
    with receiver() as receiving:
        assert send(ledger, receiving, tmp_path, told_once(seconds=0.0)).waiting == len(ledger.recorded)
        assert send(ledger, receiving, tmp_path).waiting == 0


def test_a_receiver_that_was_not_reached_is_left_alone_for_longer_each_time(tmp_path: Path) -> None:
    """The outbox says until when, and forgets it with the first event that is taken."""
    with receiver(lambda request, count: (503, {}) if count <= 3 else (201, {})) as receiving:
        rests = []
        for _ in range(3):
            with pytest.raises(Unavailable):
                send(lives.whole_life(), receiving, tmp_path, told_once(attempts=1))
            rests.append(Outbox(tmp_path, endpoint(receiving.url)).place())
        send(lives.whole_life(), receiving, tmp_path)
        after = Outbox(tmp_path, endpoint(receiving.url)).place()
    assert [place.failures for place in rests] == [1, 2, 3]
    assert rests[0].not_before_us < rests[1].not_before_us < rests[2].not_before_us
    assert (after.failures, after.not_before_us) == (0, 0)


def test_two_processes_do_not_send_at_once(tmp_path: Path) -> None:
    """The second is told so, and sends nothing."""
    with receiver() as receiving:
        outbox = Outbox(tmp_path, endpoint(receiving.url))
        with outbox.held(), pytest.raises(Unavailable, match="Another process is sending"):
            send(lives.whole_life(), receiving, tmp_path)
    assert receiving.requests == []


def test_after_a_restore_it_goes_on_at_the_restore(tmp_path: Path) -> None:
    """The lost records were told and stay told; the restore and what follows it are told next."""
    ledger = lives.whole_life()
    with receiver() as receiving:
        send(ledger, receiving, tmp_path)
        del ledger.recorded[-3:]
        size = len(ledger.recorded)
        body = LedgerRestored(backup_size=size, backup_root=in_memory.digest("root"), last_known=None, lost=3, reason="The disk died.")
        ledger.add(body, Subject(kind="ledger", name="ledger"), event_id="restored")
        before = len(receiving.taken)
        send(ledger, receiving, tmp_path)
    assert [one.event["run"]["facets"]["lifecycle"]["activity"] for one in receiving.taken[before:]] == ["restore/restored"] * 2


def test_records_that_were_pruned_are_passed_over(tmp_path: Path) -> None:
    """What was told last and what was not told yet may both be gone by the retention policy: the rest is told."""
    ledger = lives.whole_life()
    later = ledger.recorded[20:]
    del ledger.recorded[20:]
    with receiver() as receiving:
        send(ledger, receiving, tmp_path)
        ledger.recorded = [*ledger.recorded[:-1], *later[2:]]
        told = len(receiving.taken)
        sent = sending.send(
            Sized(ledger, later[-1].index + 1), Receiver(receiving.url), Outbox(tmp_path, endpoint(receiving.url)), told_once()
        )
    assert sent.waiting == 0
    assert {one.event["run"]["facets"]["lifecycle"]["ledgerIndexes"][-1] for one in receiving.taken[told:]} <= {
        one.index for one in later[2:]
    }


class Sized(in_memory.Ledger):
    """A ledger that is as long as it was, though records of it are gone."""

    def __init__(self, ledger: in_memory.Ledger, size: int) -> None:
        super().__init__(ledger.recorded)
        self._size = size

    def head(self) -> in_memory.Head:
        return in_memory.Head(self._size)


def test_another_ledger_is_not_told_as_if_it_were_this_one(tmp_path: Path) -> None:
    """Exit code 4 where the record that was told last is another: a ledger swapped under the outbox."""
    ledger = lives.whole_life()
    with receiver() as receiving:
        send(ledger, receiving, tmp_path)
        told = len(receiving.taken)
        last = ledger.recorded[-1]
        ledger.recorded[-1] = last.model_copy(update={"event": last.event.model_copy(update={"id": "another"})})
        with pytest.raises(Tampered, match="not the one"):
            send(ledger, receiving, tmp_path)
        assert len(receiving.taken) == told
        assert send(ledger, receiving, tmp_path, since=0).waiting == 0


def test_where_no_place_can_be_kept_nothing_is_sent(tmp_path: Path) -> None:
    """A file stands where the folder should be: better no event than one that would come again and again."""
    (tmp_path / "outbox").write_text("")
    with receiver() as receiving, pytest.raises(Unavailable, match="can't be written"):
        send(lives.whole_life(), receiving, tmp_path / "outbox")
    assert receiving.requests == []


def test_an_outbox_that_says_nothing_is_an_error(tmp_path: Path) -> None:
    """A file that somebody broke is named, and nothing is sent as if it were the first time."""
    with receiver() as receiving:
        send(lives.whole_life(), receiving, tmp_path)
        (file,) = tmp_path.glob("*.json")
        file.write_text("{")
        with pytest.raises(MalformedRecord):
            send(lives.whole_life(), receiving, tmp_path)


@pytest.mark.parametrize(
    ("address", "posted_to"),
    [
        ("http://marquez:5000", "http://marquez:5000/api/v1/lineage"),
        ("https://lineage.example.org/", "https://lineage.example.org/api/v1/lineage"),
        ("https://example.org/hooks/lineage?team=risk", "https://example.org/hooks/lineage?team=risk"),
    ],
)
def test_an_address_gets_openlineage_s_path_unless_it_has_one(address: str, posted_to: str) -> None:
    """As OpenLineage's own clients do it."""
    assert endpoint(address) == posted_to


@pytest.mark.parametrize("address", ["", "marquez:5000", "ftp://marquez", "file:///etc/passwd", "http://", "http://x:99999", "http://[::1"])
def test_what_is_no_address_is_refused(address: str) -> None:
    """Only http and https, with a host and a port that there can be."""
    with pytest.raises(InvalidDeclaration):
        endpoint(address)


def test_a_key_is_neither_in_an_address_nor_in_the_clear(tmp_path: Path) -> None:
    """A password in the address and a key over plain http to another machine are refused; to this one, it arrives."""
    with pytest.raises(InvalidDeclaration, match="holds a password"):
        Receiver("https://me:secret@example.org")
    with pytest.raises(InvalidDeclaration, match="in the clear"):
        Receiver("http://marquez:5000", "key-1")
    with receiver() as receiving:
        there = Receiver(receiving.url, "key-1")
        sending.send(lives.whole_life(), there, Outbox(tmp_path, there.url), told_once())
    assert {one.headers["Authorization"] for one in receiving.taken} == {"Bearer key-1"}


KILLED = """
import os, sys
from pathlib import Path
from lifecycle.lineage import sending
from lifecycle.lineage.outbox import Outbox
from lifecycle.lineage.receiver import Receiver
from tests.lineage import lives

class Dying(Outbox):
    moves = 0
    def move(self, place):
        Dying.moves += 1
        if Dying.moves == int(sys.argv[3]) and sys.argv[4] == "before":
            os.kill(os.getpid(), 9)
        super().move(place)
        if Dying.moves == int(sys.argv[3]):
            os.kill(os.getpid(), 9)

there = Receiver(sys.argv[1])
sending.send(lives.whole_life(), there, Dying(Path(sys.argv[2]), there.url), sending.Patience())
"""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("move", [1, 7])
def test_kill_9_between_two_events_loses_none_and_repeats_at_most_one(move: int, when: str, tmp_path: Path, repository: Path) -> None:
    """Killed before it noted what was taken, that one event comes again under its key; killed after, none does."""
    with receiver() as receiving:
        arguments = [sys.executable, "-c", KILLED, receiving.url, str(tmp_path), str(move), when]
        assert subprocess.run(arguments, cwd=repository, timeout=60, check=False).returncode == -9
        send(lives.whole_life(), receiving, tmp_path)
    expected = [identity(event) for event in exported(lives.whole_life())]
    assert list(dict.fromkeys(identity(one.event) for one in receiving.taken)) == expected
    repeated = len(receiving.keys) - len(set(receiving.keys))
    assert repeated == (1 if when == "before" else 0)
