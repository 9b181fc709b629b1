"""Seals the segments of the log of refused requests: one event, and so one leaf of the ledger, for each, however many were refused.

As with the prediction log, the lines are durable first, then the event lies beside the segment, then it goes into the journal
with the note that it did. A gateway that is killed in between sends the very same event again.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter
from pathlib import Path
from typing import Protocol

from lifecycle.errors import MalformedRecord, Tampered, Unavailable
from lifecycle.proofs.merkle import Frontier, leaf_hash
from lifecycle.records.bodies.access import RefusalReason, RefusalsSealed, RefusedCount
from lifecycle.records.events import Event, Link, Subject
from lifecycle.records.identity import derived_id, new_id
from lifecycle.records.record import Count, Id, Microseconds, Name, Record
from lifecycle.serving.folder import write_durably
from lifecycle.serving.prediction_log.segment_reading import whole_lines
from lifecycle.serving.prediction_log.segments import SUFFIX, held
from lifecycle.serving.rollouts.rollout_events import GATEWAY, require_own
from lifecycle.serving.rollouts.state import SealedStream
from lifecycle.serving.rounds import Rounds

_LOG = logging.getLogger(__name__)
_LOOK_SECONDS = 1.0
#: What the events of refusals are about: the gate that says who may ask.
ABOUT = Subject(kind="policy", name="serving_access")


#: How the name of a seal ends that the journal has.
SEALED = ".sealed.json"


class RefusedLine(Record):
    """One line: so many requests that were refused alike, within a second."""

    reason: RefusalReason
    status: Count
    grant_id: Id | None
    model: Name | None
    requests: Count
    from_us: Microseconds
    to_us: Microseconds


class RefusalBook(Protocol):
    """Where seals are entered: `books.Books`."""

    @property
    def refusal_stream(self) -> SealedStream | None: ...

    def commit_refusals(self, stream: SealedStream, event: Event) -> None: ...


class RefusalSealer:
    """One gateway's, run by its supervisor alone. Files are read in a thread; numbers are given in the loop."""

    def __init__(self, folder: Path, environment: str, book: RefusalBook) -> None:
        #: Why refusals are not sealed; "" where they are.
        self.fault = ""
        self._folder = folder
        self._environment = environment
        self._book = book
        self._rounds = Rounds(self._seal_all, _LOOK_SECONDS)

    def start(self) -> None:
        """Seals from now on, in a task of its own."""
        self._rounds.start()

    async def end(self) -> None:
        """Seals what is left, once, and ends. The workers must have ended before."""
        await self._rounds.end()

    async def _seal_all(self) -> None:
        """One round. What can't be sealed in it is tried again in the next, and `fault` says why."""
        fault = ""
        try:
            for segment in await asyncio.to_thread(self._unsealed):
                fault = await self._seal(segment) or fault
        except Unavailable as error:
            fault = error.what
        except OSError as error:
            fault = f"{self._folder} can't be read: {error.strerror}."
        if fault and fault != self.fault:
            _LOG.error("refusals are not sealed: %s", fault)
        self.fault = fault

    async def _seal(self, segment: Path) -> str:
        """Seals one segment, if it is over; returns what is wrong with one that can't be. Raises Unavailable where nothing can be."""
        known = self._book.refusal_stream
        stream, number = (new_id(), 1) if known is None else (known.stream, known.number + 1)
        try:
            event = await asyncio.to_thread(self._sealed, segment, stream, number)
        except (Tampered, MalformedRecord) as error:
            # It keeps its place for whoever investigates, and holds up no other: the number goes to the next.
            return error.what
        if event is not None:
            self._enter(segment, event)
        return ""

    def _unsealed(self) -> list[Path]:
        return sorted(path for path in self._folder.glob(f"*{SUFFIX}") if not _entered(path).exists())

    def _enter(self, segment: Path, event: Event) -> None:
        body = event.body
        assert isinstance(body, RefusalsSealed)  # `_sealed` gives no other
        known = self._book.refusal_stream
        if known is None or (known.stream == body.stream and body.number > known.number):
            lines = body.lines + (0 if known is None else known.rows)
            self._book.commit_refusals(SealedStream(model=ABOUT.name, stream=body.stream, number=body.number, rows=lines), event)
        _seal_of(segment).replace(_entered(segment))

    def _sealed(self, segment: Path, stream: Id, number: int) -> Event | None:
        """The event of a segment, durable beside it; None where it is still written or holds nothing."""
        standing = _seal_of(segment)
        if standing.exists():
            event = Event.parse(standing.read_bytes())
            require_own(event)
            if not isinstance(event.body, RefusalsSealed) or event.body.segment != segment.name:
                raise Tampered(f"{standing} is not the seal of {segment.name}.", "Find out who wrote it, and move it away.")
            return event
        try:
            with held(segment) as descriptor:
                body, length = sealed_content(segment, stream, number)
                if body is None:
                    segment.unlink()
                    return None
                os.ftruncate(descriptor, length)
                os.fsync(descriptor)
        except BlockingIOError:
            return None
        except OSError as error:
            raise Unavailable(f"{segment} can't be sealed: {error.strerror}.", "Give read and write access to it.") from error
        event = Event.happened(
            body,
            subject=ABOUT,
            actor=GATEWAY,
            environment=self._environment,
            outputs=(Link(role="refusals", digest=body.root),),
            event_id=seal_id(stream, number),
        )
        write_durably(standing, event.canonical() + b"\n")
        return event


def _seal_of(segment: Path) -> Path:
    """Where the event of a segment lies until the journal has it."""
    return segment.with_suffix(".seal")


def _entered(segment: Path) -> Path:
    """Where it lies from then on."""
    return segment.with_suffix(SEALED)


def seal_id(stream: Id, number: int) -> Id:
    """The id of the event of a segment: the ledger can hold only one for each place in a stream."""
    return derived_id("refusals", stream, str(number))


def sealed_content(segment: Path, stream: Id, number: int) -> tuple[RefusalsSealed | None, int]:
    """What the lines of a segment add up to, and their length in bytes. Raises Tampered for a line that is none of ours."""
    tree, refused, length = Frontier(), Counter[RefusalReason](), 0
    from_us, to_us = 0, 0
    for line in whole_lines(segment):
        try:
            said = RefusedLine.model_validate_json(line)
        except ValueError as error:  # pydantic's is one
            raise Tampered(
                f"Line {tree.size + 1} of {segment} is not a line of the log of refusals.", "Restore that segment from its backup."
            ) from error
        from_us = min(from_us, said.from_us) if tree.size else said.from_us
        to_us = max(to_us, said.to_us)
        tree.append(leaf_hash(line))
        length += len(line) + 1
        refused[said.reason] += said.requests
    if tree.size == 0:
        return None, 0
    body = RefusalsSealed(
        segment=segment.name,
        stream=stream,
        number=number,
        lines=tree.size,
        refused=tuple(RefusedCount(reason=reason, requests=requests) for reason, requests in sorted(refused.items())),
        from_us=from_us,
        to_us=to_us,
        root=f"sha256:{tree.root().hex()}",
    )
    return body, length
