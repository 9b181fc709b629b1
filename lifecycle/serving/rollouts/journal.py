"""The journal: what was decided, on disk before anything else depends on it, and entered in the ledger as soon as that answers.

One line holds the state after a change and the events that tell of it, and is fsynced: either both happened or neither.
A rollback needs the journal and nothing else, and where the disk does not take it, it stands all the same: it is kept in
memory and written as soon as that goes. A line that a crash tore off at the end never happened; anything else that
can't be read stops the gateway, because what serves must not be guessed.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lifecycle.errors import LifecycleError, Tampered, Unavailable
from lifecycle.records.events import Event
from lifecycle.records.record import JsonObject, canonical_bytes, parse_json
from lifecycle.serving.folder import write_durably
from lifecycle.serving.rollouts.rollout_events import require_own
from lifecycle.serving.rollouts.state import GatewayState

_LOG = logging.getLogger(__name__)
#: A journal that has grown past this is written anew with what is still needed of it.
_LONGEST = 4 << 20


@dataclass(frozen=True)
class Pending:
    """An event that the ledger has not taken yet."""

    number: int
    event: Event


class Journal:
    """The gateway's memory. One process writes it; it must hold the folder's lock."""

    def __init__(self, path: Path, state: GatewayState, pending: Iterable[Pending], number: int) -> None:
        self.state = state
        self._path = path
        self._pending = deque(pending)
        self._number = number
        #: Events of changes that are in force and that the disk has not taken.
        self._owed: list[Pending] = []
        #: Why what is in force is not durable; "" where it is.
        self.fault = ""
        self._descriptor = _opened(path)
        try:
            self._compact()
        except Unavailable as error:
            _LOG.warning("the journal stays as long as it is: %s", error.what)

    @classmethod
    def open(cls, path: Path) -> Journal:
        """The journal at this path, begun if there is none. Raises Tampered for what can't be read, Unavailable on a bad disk."""
        state, pending, number = replay(path)
        return cls(path, state, pending, number)

    def commit(self, state: GatewayState, events: Iterable[Event] = (), *, in_force: bool = False) -> None:
        """Makes a change durable, with the events that tell of it. Raises Unavailable where the disk does not take it.

        A change that is in force can't be unsaid: it counts at once, and what the disk does not take is written by
        `settle` or with the next change. Until then `fault` says why it is not.
        """
        entered = []
        for event in events:
            self._number += 1
            entered.append(Pending(self._number, event))
        try:
            self._write(state, [*self._owed, *entered])
        except Unavailable as error:
            if not in_force:
                raise
            self._owed += entered
            self.fault = error.what
            _LOG.error("a change is in force and not durable yet: %s", error.what)
        self.state = state
        self._pending.extend(entered)

    def settle(self) -> bool:
        """Writes what is in force and not durable yet. Whether everything is durable now."""
        if self.fault:
            try:
                self._write(self.state, self._owed)
            except Unavailable as error:
                self.fault = error.what
        return not self.fault

    @property
    def pending(self) -> int:
        """How many events wait for the ledger."""
        return len(self._pending)

    def next_pending(self) -> Pending | None:
        """The oldest event that the ledger has not taken: they are entered in the order in which they happened."""
        return self._pending[0] if self._pending else None

    def delivered(self, pending: Pending) -> None:
        """Notes that the ledger has taken the oldest event. Not sure to be durable: sent again, it is recorded once."""
        assert self._pending[0].number == pending.number  # events are delivered in order, by one task
        self._pending.popleft()
        try:
            self._append(canonical_bytes({"delivered": pending.number}) + b"\n", durable=False)
            if os.fstat(self._descriptor).st_size > _LONGEST:
                self._compact()
        except Unavailable as error:
            _LOG.warning("that event %s was entered is not noted: %s", pending.event.id, error.what)

    def close(self) -> None:
        os.close(self._descriptor)

    def _write(self, state: GatewayState, entered: Iterable[Pending]) -> None:
        line: JsonObject = {"state": state.as_json(), "events": [{"number": p.number, "event": p.event.as_json()} for p in entered]}
        self._append(canonical_bytes(line) + b"\n", durable=True)
        self._owed, self.fault = [], ""

    def _append(self, line: bytes, *, durable: bool) -> None:
        before = os.fstat(self._descriptor).st_size
        try:
            if os.write(self._descriptor, line) != len(line):
                raise OSError(28, "No space left on device")
            if durable:
                os.fsync(self._descriptor)
        except OSError as error:
            os.ftruncate(self._descriptor, before)
            raise Unavailable(f"The gateway's journal can't be written: {error.strerror}.", "Free space on its disk.") from error

    def _compact(self) -> None:
        line: JsonObject = {
            "state": self.state.as_json(),
            "events": [{"number": p.number, "event": p.event.as_json()} for p in self._pending],
            "number": self._number,
        }
        write_durably(self._path, canonical_bytes(line) + b"\n")
        os.close(self._descriptor)
        self._descriptor = _opened(self._path)
        self._owed, self.fault = [], ""


def _opened(path: Path) -> int:
    """The journal to append to, less what a crash tore off at its end. Needs no space on the disk where there is a journal."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        content = path.read_bytes()
        if not content.endswith(b"\n"):
            os.ftruncate(descriptor, content.rfind(b"\n") + 1)
    except OSError as error:
        raise Unavailable(f"The gateway's journal {path} can't be written: {error.strerror}.", "Give write access to it.") from error
    return descriptor


def replay(path: Path) -> tuple[GatewayState, list[Pending], int]:
    """The state, the events that wait, and the last number, as a journal tells them. Reads only, so anybody may at any time."""
    state, pending, number = GatewayState(), dict[int, Event](), 0
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return state, [], 0
    except OSError as error:
        raise Unavailable(f"The gateway's journal {path} can't be read: {error.strerror}.", "Give read access to it.") from error
    for place, line in enumerate(lines, start=1):
        if place == len(lines) and not line.endswith(b"\n"):
            break
        try:
            state, number = _apply(parse_json(line), state, pending, number)
        except (LifecycleError, KeyError, TypeError, ValueError) as error:
            why = error.what if isinstance(error, LifecycleError) else "it is not in the journal's form."
            raise Tampered(
                f"Line {place} of the gateway's journal {path} can't be read: {why}",
                "Restore it from its backup, or move it away and have the gate asked again (`lifecycle deploy`): an empty gateway "
                "serves nothing. Leave `used-decisions` where it is: what allowed a rollout once allows no second one.",
            ) from error
    return state, [Pending(key, event) for key, event in sorted(pending.items())], number


def _apply(line: object, state: GatewayState, pending: dict[int, Event], number: int) -> tuple[GatewayState, int]:
    if not isinstance(line, dict):
        raise TypeError("a line is a JSON object")
    if "delivered" in line:
        pending.pop(line["delivered"], None)
        return state, number
    for entered in line["events"]:
        number = max(number, int(entered["number"]))
        event = pending[int(entered["number"])] = Event.of(entered["event"])
        require_own(event)
    return GatewayState.of(line["state"]), max(number, int(line.get("number", 0)))
