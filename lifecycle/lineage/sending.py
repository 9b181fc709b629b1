"""Telling a receiver of OpenLineage what the ledger holds: every run event once, in ledger order, however often it is down.

What it can't take is retried with a growing pause. What it refuses is set aside and named, unless it refuses everything. Nothing is
lost: the ledger keeps what is to be told, the outbox only how far that is.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from lifecycle.errors import Tampered, Unavailable
from lifecycle.lineage.export import stamp_of
from lifecycle.lineage.formats.openlineage import RUN_NAMESPACE, RunEvent, run_events
from lifecycle.lineage.outbox import Outbox, Place, RefusedEvent
from lifecycle.lineage.ports import Ledger
from lifecycle.lineage.reading import read_graph
from lifecycle.lineage.receiver import Answer, Receiver, Verdict
from lifecycle.lineage.selection import events_around
from lifecycle.records.events import Recorded
from lifecycle.records.identity import now_us
from lifecycle.records.record import canonical_bytes

#: How many records are read at once.
CHUNK = 200
#: A receiver that refuses this many events in a row, and takes none, refuses everything: nothing is set aside for that.
REFUSES_EVERYTHING = 3


@dataclass(frozen=True)
class Patience:
    """How long a receiver is tried. Pauses double from `first_pause` to `longest_pause` seconds, with a random fifth more or less."""

    attempts: int = 5
    first_pause: float = 0.5
    longest_pause: float = 30.0
    #: No event is begun after this many seconds; the next call goes on.
    seconds: float = 3_600.0
    pause: Callable[[float], None] = field(default=time.sleep, repr=False)

    def before(self, attempt: int, asked: float | None = None) -> float:
        """The pause before an attempt (the second is 1), at least what the receiver asked for, within the longest."""
        grown = self.first_pause * 2.0 ** min(attempt - 1, 30)
        return min(self.longest_pause, max(asked or 0.0, grown * random.uniform(0.8, 1.2)))


#: How many refused events an outbox names, the latest.
NAMED = 1_000
#: How long whoever calls by the clock leaves a receiver alone that was not reached.
BETWEEN_CALLS = Patience(first_pause=30.0, longest_pause=900.0)


@dataclass(frozen=True)
class Sent:
    """What one call did: how many run events were accepted and refused, and how far the receiver knows the ledger now."""

    url: str
    accepted: int
    refused: tuple[RefusedEvent, ...]
    next_index: int
    size: int

    @property
    def waiting(self) -> int:
        """How many records are not told yet."""
        return max(0, self.size - self.next_index)


def send(ledger: Ledger, receiver: Receiver, outbox: Outbox, patience: Patience, *, since: int | None = None) -> Sent:
    """Tells the receiver what it does not know yet; with `since`, everything from that record on once more.

    Raises Unavailable where the receiver is not reached or takes nothing (what it took is kept, and the next call goes on from
    there), Tampered where the ledger is not the one that was told before and no restore in it says so.
    """
    with outbox.held():
        return _Sending(ledger, receiver, outbox, patience).run(since)


class _Sending:
    def __init__(self, ledger: Ledger, receiver: Receiver, outbox: Outbox, patience: Patience) -> None:
        self._ledger, self._receiver, self._outbox, self._patience = ledger, receiver, outbox, patience
        self._until = time.monotonic() + patience.seconds
        #: What the outbox keeps, and where this call is already: ahead of it while the receiver has only refused since.
        self._kept = self._ahead = outbox.place()
        self._doubtful: list[RefusedEvent] = []
        self._accepted, self._refused = 0, list[RefusedEvent]()

    def run(self, since: int | None) -> Sent:
        self._kept = self._ahead = _going_on(self._ledger, self._kept) if since is None else Place(url=self._kept.url, next_index=since)
        size = self._ledger.head().size
        while self._ahead.next_index < size:
            chunk = self._ledger.events(since=self._ahead.next_index, limit=CHUNK)
            if not chunk or not self._tell(chunk):
                break
        self._keep()
        return Sent(self._receiver.url, self._accepted, tuple(self._refused), self._kept.next_index, size)

    def _tell(self, chunk: Sequence[Recorded]) -> bool:
        """Tells these records in order. False where the time is over before the last."""
        by_index: dict[int, list[RunEvent]] = {}
        graph, within = read_graph(events_around(self._ledger, chunk)), {one.index for one in chunk}
        for event in run_events(graph, stamp_of(self._ledger), within):
            by_index.setdefault(event.index, []).append(event)
        for one in chunk:
            told = self._ahead.told_of_it if one.index == self._ahead.next_index else 0
            for position, event in enumerate(by_index.get(one.index, [])[told:], told + 1):
                if time.monotonic() >= self._until:
                    return False
                self._offer(event, position)
            passed = {"next_index": one.index + 1, "told_of_it": 0, "last_index": one.index, "last_event_id": one.event.id}
            self._ahead = self._ahead.model_copy(update=passed)
        return True

    def _offer(self, event: RunEvent, position: int) -> None:
        key = str(uuid.uuid5(RUN_NAMESPACE, f"{event.run_id}/{event.kind}/{event.index}"))
        answer = self._insist(canonical_bytes(event.said), key)
        self._ahead = self._ahead.model_copy(update={"next_index": event.index, "told_of_it": position})
        if answer.verdict == "accepted":
            self._accepted += 1
            self._keep()
            return
        self._doubtful.append(RefusedEvent(index=event.index, event_type=event.kind, status=answer.status, says=answer.says))
        if len(self._doubtful) >= REFUSES_EVERYTHING:
            raise self._unreached(answer)

    def _insist(self, content: bytes, key: str) -> Answer:
        """The receiver's word on an event. Raises Unavailable where there is none in as many attempts as are allowed."""
        for attempt in range(1, self._patience.attempts + 1):
            answer = self._receiver.post(content, key)
            if answer.verdict in ("accepted", "refused"):
                return answer
            pause = self._patience.before(attempt, answer.retry_after_seconds)
            if answer.verdict == "wrong_address" or attempt == self._patience.attempts or time.monotonic() + pause >= self._until:
                break
            self._patience.pause(pause)
        raise self._unreached(answer)

    def _keep(self) -> None:
        """Keeps how far this call is. What was refused since the last that was accepted is refused: only a row of them says more."""
        self._refused += self._doubtful
        refused = (*self._ahead.refused, *self._doubtful)[-NAMED:]
        self._kept = self._ahead = self._ahead.model_copy(update={"refused": refused, "failures": 0, "not_before_us": 0})
        self._doubtful = []
        self._outbox.move(self._kept)

    def _unreached(self, answer: Answer) -> Unavailable:
        failures = self._kept.failures + 1
        later = BETWEEN_CALLS.before(failures, answer.retry_after_seconds)
        self._outbox.move(self._kept.model_copy(update={"failures": failures, "not_before_us": now_us() + int(later * 1_000_000)}))
        said = f"HTTP {answer.status} {answer.says}".strip() if answer.status else answer.says
        return Unavailable(f"The receiver {self._receiver.url} does not take lineage: {said}.", _NEXT_STEPS[answer.verdict])


_NEXT_STEPS: Mapping[Verdict, str] = {
    "later": "Nothing is lost: `lifecycle lineage send` goes on from here.",
    "wrong_address": "Check LIFECYCLE_OPENLINEAGE_URL and LIFECYCLE_OPENLINEAGE_API_KEY; then `lifecycle lineage send` goes on from here.",
    "refused": "It refuses one event after the other: check that LIFECYCLE_OPENLINEAGE_URL is a receiver of OpenLineage 2.",
}


def _going_on(ledger: Ledger, place: Place) -> Place:
    """Where to go on: where it ended, or, in a ledger that was restored since, at its restore.

    Raises Tampered where the record that was told last is another one, or gone, and no restore says why.
    """
    if place.last_event_id is None:
        return place
    found = ledger.events(since=place.last_index, limit=1)
    # A record further on is the first whose bytes were not pruned.
    if found and (found[0].index > place.last_index or found[0].event.id == place.last_event_id):
        return place
    restored = ledger.events(types=("LedgerRestored",))
    if restored and restored[-1].index <= place.last_index:
        return Place(url=place.url, next_index=restored[-1].index, refused=place.refused)
    raise Tampered(
        f"The ledger is not the one that {place.url} was told of: record {place.last_index} is another one, or gone.",
        "Run `lifecycle ledger verify`. If this is meant to be another ledger, `lifecycle lineage send --from 0` tells it whole.",
    )
