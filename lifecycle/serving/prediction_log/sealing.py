"""Seals the segments of the prediction log that nobody writes any more: one event, and so one leaf of the ledger, for each.

The order of things is the promise. The rows are durable first, then the event lies beside the segment, whole, then it goes into
the journal together with the note that it did, and from there into the ledger. A gateway that is killed between any two of them
sends the very same event again; the ledger takes it once. The numbers of a stream have no gaps, because each is given in turn
and never taken back.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from pathlib import Path
from typing import Protocol

from lifecycle.errors import LifecycleError, Tampered, Unavailable
from lifecycle.records.bodies.serving import PredictionsSealed
from lifecycle.records.events import Event, Link, Subject
from lifecycle.records.identity import derived_id, new_id
from lifecycle.records.record import Id
from lifecycle.serving.folder import write_durably
from lifecycle.serving.prediction_log.segment_reading import SegmentReading, unhurried, whole_lines
from lifecycle.serving.prediction_log.segments import ModelLog, SealName, held, model_logs
from lifecycle.serving.rollouts.rollout_events import GATEWAY, require_own
from lifecycle.serving.rollouts.state import SealedStream
from lifecycle.serving.rounds import Rounds

_LOG = logging.getLogger(__name__)
_LOOK_SECONDS = 0.25
#: A folder that changed more recently than this may change again without another time on it: some count in twos of seconds.
_SETTLED_NS = 3_000_000_000


class SealBook(Protocol):
    """Where seals are entered: `books.Books`."""

    def stream(self, model: str) -> SealedStream | None: ...

    def commit_seal(self, stream: SealedStream, event: Event) -> None: ...

    def rows_dropped(self, model: str) -> int: ...


class Sealer:
    """One gateway's, run by its supervisor alone. Files are read in a thread; numbers are given in the loop."""

    def __init__(self, folder: Path, environment: str, books: SealBook) -> None:
        #: Why the segments of a model are not sealed, by model.
        self.faults: dict[str, str] = {}
        self._folder = folder
        self._environment = environment
        self._books = books
        #: By model: the segments that have a seal which is on its way.
        self._sealed: dict[str, set[str]] = {}
        #: By model: the segments at the time that the folder had.
        self._listed: dict[str, tuple[int, frozenset[str]]] = {}
        self._rounds = Rounds(self._seal_all, _LOOK_SECONDS)

    def start(self) -> None:
        """Seals from now on, in a task of its own."""
        self._rounds.start()

    async def end(self) -> None:
        """Seals what is left, once, and ends. Whoever wrote segments must have ended before."""
        await self._rounds.end()

    async def _seal_all(self) -> None:
        """One round. What can't be sealed in it is tried again in the next, and `faults` says why."""
        for log in model_logs(self._folder):
            try:
                fault = await self._seal_model(log)
            except LifecycleError as error:
                fault = error.what
            except OSError as error:
                fault = f"{log.folder} can't be read: {error.strerror}."
            if fault and fault != self.faults.get(log.model):
                _LOG.error("segments of %s are not sealed: %s", log.model, fault)
            if fault:
                self.faults[log.model] = fault
            else:
                self.faults.pop(log.model, None)

    async def _seal_model(self, log: ModelLog) -> str:
        """Seals what is over; returns what is wrong with segments that can't be. Raises Unavailable where nothing can be written."""
        if log.model not in self._sealed:
            await self._take_up(log)
        fault = ""
        for segment in sorted(await asyncio.to_thread(self._segments, log) - self._sealed[log.model]):
            stream, number = self._next(log.model)
            dropped = self._books.rows_dropped(log.model)
            try:
                event = await asyncio.to_thread(self._seal, log, segment, stream, number, dropped)
            except Tampered as error:
                # It keeps its place for whoever investigates, and holds up no other: the number goes to the next.
                fault = error.what
                continue
            if event is not None:
                self._enter(log.model, event)
                self._sealed[log.model].add(segment)
        return fault

    async def _take_up(self, log: ModelLog) -> None:
        """Goes on where a gateway before this one ended: seals that no journal knows are entered first."""
        seals = await asyncio.to_thread(log.seals)
        for seal in seals:
            known = self._books.stream(log.model)
            if known is None or seal.number > known.number:
                self._enter(log.model, await asyncio.to_thread(read_seal, log, seal))
        self._sealed[log.model] = {seal.segment for seal in seals}

    def _segments(self, log: ModelLog) -> frozenset[str]:
        """The segments of a model; the folder is listed again only where it has changed since."""
        try:
            changed_ns = log.rows("").stat().st_mtime_ns
        except FileNotFoundError:
            return frozenset()
        at_ns, segments = self._listed.get(log.model, (0, frozenset()))
        if changed_ns != at_ns:
            settled = time.time_ns() - changed_ns > _SETTLED_NS
            segments = log.segments()
            self._listed[log.model] = (changed_ns if settled else 0, segments)
        return segments

    def _next(self, model: str) -> tuple[Id, int]:
        """The stream and the number that the next segment gets."""
        known = self._books.stream(model)
        return (new_id(), 1) if known is None else (known.stream, known.number + 1)

    def _enter(self, model: str, event: Event) -> None:
        body, known = _body(event), self._books.stream(model)
        if known is not None and known.stream != body.stream:
            raise Tampered(
                f"Segment {body.segment} of {model} was sealed in stream {body.stream}, and the journal has {known.stream}.",
                "Find out which gateway's folder the segments or the journal are from, and put them back together.",
            )
        rows = body.rows + (0 if known is None else known.rows)
        try:
            self._books.commit_seal(SealedStream(model=model, stream=body.stream, number=body.number, rows=rows), event)
        except Unavailable:
            # Its seal lies there, and must be entered before the next one is made.
            self._sealed.pop(model, None)
            raise

    def _seal(self, log: ModelLog, segment: str, stream: Id, number: int, dropped: int) -> Event | None:
        """The event of a segment, durable beside it; None where it is still written or holds nothing."""
        try:
            with held(log.rows(segment)) as descriptor:
                reading = SegmentReading(log.rows(segment))
                for line in unhurried(whole_lines(log.rows(segment))):
                    reading.add(line)
                if reading.size == 0:
                    _remove(log, segment)
                    return None
                os.ftruncate(descriptor, reading.length)
                os.fsync(descriptor)
                _make_durable(log.values(segment))
        except BlockingIOError:
            return None
        except OSError as error:
            raise Unavailable(f"{log.rows(segment)} can't be sealed: {error.strerror}.", "Give read and write access to it.") from error
        event = _event(reading.content().sealed_as(segment, stream, number, dropped or None), log.model, self._environment)
        path = log.seal(number, segment)
        path.parent.mkdir(exist_ok=True, mode=0o700)
        write_durably(path, event.canonical() + b"\n")
        return event


def read_seal(log: ModelLog, seal: SealName) -> Event:
    """The event that lies beside a segment. Raises Tampered where it is not one of a gateway, or of another segment."""
    path = log.seal(*seal)
    try:
        event = Event.parse(path.read_bytes())
    except OSError as error:
        raise Unavailable(f"{path} can't be read: {error.strerror}.", "Give read access to it.") from error
    require_own(event)
    body = _body(event)
    if (body.number, body.segment, event.subject.name) != (*seal, log.model):
        raise Tampered(f"{path} is the seal of segment {body.segment} as number {body.number}.", "Restore it from its backup.")
    return event


def seal_id(stream: Id, number: int) -> Id:
    """The id of the event of a segment: the ledger can hold only one for each place in a stream."""
    return derived_id("predictions", stream, str(number))


def _event(body: PredictionsSealed, model: str, environment: str) -> Event:
    digests = dict.fromkeys(answered.model_digest for answered in body.versions if answered.model_digest is not None)
    return Event.happened(
        body,
        subject=Subject(kind="model", name=model),
        actor=GATEWAY,
        environment=environment,
        inputs=tuple(Link(role="model", digest=digest) for digest in digests),
        outputs=(Link(role="predictions", digest=body.root),),
        event_id=seal_id(body.stream, body.number),
    )


def _body(event: Event) -> PredictionsSealed:
    if not isinstance(event.body, PredictionsSealed):
        raise Tampered(f"A {event.type} lies where the seal of a segment should.", "Restore the seals from their backup.")
    return event.body


def _make_durable(values: Path) -> None:
    """What was asked must not be lost with the power: it would look as if somebody had taken it away."""
    if values.exists():
        with values.open("rb") as file:
            os.fsync(file.fileno())


def _remove(log: ModelLog, segment: str) -> None:
    """Takes a segment away that never got a whole row: nothing was answered from it."""
    log.values(segment).unlink(missing_ok=True)
    log.rows(segment).unlink(missing_ok=True)
