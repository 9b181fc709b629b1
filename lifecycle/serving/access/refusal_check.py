"""Holds the segments of the log of refused requests against what was sealed of them.

Every line of a sealed segment stands under its root, so that a line which was edited, dropped or added shows, and so does a segment
that is gone. The numbers of a stream have no gaps, so that a seal which is missing shows as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lifecycle.errors import LifecycleError, MalformedRecord, Unavailable
from lifecycle.records.bodies.access import RefusalsSealed
from lifecycle.records.events import Event
from lifecycle.records.record import Id
from lifecycle.serving.access.refusal_sealing import SEALED, seal_id, sealed_content
from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.prediction_log.segment_check import SegmentFinding
from lifecycle.serving.rollouts.journal import replay


@dataclass(frozen=True)
class OwnRefusals:
    """What the gateways of a home know of their segments at one moment: take it before the ledger is read, so that what is entered
    meanwhile is not taken for missing there.
    """

    #: By stream: the folder that its segments lie in.
    streams: dict[Id, Path]
    #: Seals that the journal has handed over: the ledger must have them.
    handed_over: tuple[RefusalsSealed, ...]
    faults: tuple[str, ...]

    @classmethod
    def look(cls, *folders: GatewayFolder) -> OwnRefusals:
        """Raises Tampered and Unavailable where a journal can't be read."""
        whole = cls({}, (), ())
        for folder in folders:
            own = cls._of(folder)
            twice = whole.streams.keys() & own.streams.keys()
            claims = (f"stream {one} of refused requests lies in two folders: {whole.streams[one]} and {own.streams[one]}" for one in twice)
            faults = (*whole.faults, *own.faults, *claims)
            whole = cls(own.streams | whole.streams, whole.handed_over + own.handed_over, faults)
        return whole

    @classmethod
    def _of(cls, folder: GatewayFolder) -> OwnRefusals:
        state, pending, _ = replay(folder.journal)
        waiting = {waits.event.id for waits in pending}
        streams = {} if state.refusals is None else {state.refusals.stream: folder.refusals}
        handed_over, faults = [], []
        for path in sorted(folder.refusals.glob(f"*{SEALED}")):
            try:
                event = _seal(path)
            except (LifecycleError, OSError) as error:
                faults.append(f"the seal {path.name} of refused requests can't be read: {error}")
                continue
            body = event.body
            assert isinstance(body, RefusalsSealed)  # `_seal` gives no other
            streams[body.stream] = folder.refusals
            if event.id not in waiting:
                handed_over.append(body)
        return cls(streams, tuple(handed_over), tuple(faults))


def check_refusals(
    own: OwnRefusals, sealed: Iterable[tuple[int, RefusalsSealed]], pruned: Callable[[Id], bool], *, all_here: bool
) -> Iterator[SegmentFinding]:
    """What does not hold, segment by segment; `sealed` are all that the ledger has, with their indexes and in its order.

    `pruned` says of the id of an event whether its bytes may be gone. Segments of other gateways are told and not looked at, unless
    no other gateway can write to this ledger (`all_here`): then they are a log that was dropped.
    """
    for fault in own.faults:
        yield SegmentFinding(None, fault)
    numbers: dict[Id, int] = {}
    seen: set[tuple[Id, int, str]] = set()
    elsewhere: dict[Id, tuple[int, int]] = {}
    for index, body in sealed:
        yield from _place(index, body, numbers, pruned)
        seen.add((body.stream, body.number, body.segment))
        if body.stream in own.streams:
            yield from _content(own.streams[body.stream] / body.segment, index, body)
        else:
            elsewhere[body.stream] = (index, elsewhere.get(body.stream, (index, 0))[1] + 1)
    for body in own.handed_over:
        if (body.stream, body.number, body.segment) not in seen and not pruned(seal_id(body.stream, body.number)):
            yield SegmentFinding(None, f"{_name(body)} was sealed as number {body.number}, and the ledger does not have its seal")
    for stream, (index, count) in elsewhere.items():
        gone = f"{count} sealed segments of refused requests are missing: the gateway of this home knows nothing of stream {stream}"
        told = f"{count} segments of refused requests of stream {stream} are of no gateway of this home: look at them where they lie"
        yield SegmentFinding(index, gone if all_here else told, broken=all_here)


def _place(index: int, body: RefusalsSealed, numbers: dict[Id, int], pruned: Callable[[Id], bool]) -> Iterator[SegmentFinding]:
    last = numbers.get(body.stream, 0)
    if body.number <= last:
        yield SegmentFinding(index, f"{_name(body)} is number {body.number} of its stream, which was given before")
    missing = [number for number in range(last + 1, body.number) if not pruned(seal_id(body.stream, number))]
    if missing:
        yield SegmentFinding(index, f"{_name(body)} is number {body.number} of its stream, and {len(missing)} before it are missing")
    numbers[body.stream] = max(body.number, last)


def _content(path: Path, index: int, body: RefusalsSealed) -> Iterator[SegmentFinding]:
    try:
        found, length = sealed_content(path, body.stream, body.number)
        size = path.stat().st_size
    except FileNotFoundError:
        yield SegmentFinding(index, f"{_name(body)} is missing, with {body.lines} lines")
        return
    except OSError as error:
        raise Unavailable(f"{path} can't be read: {error.strerror}.", "Give read access to it.") from error
    except LifecycleError as error:
        yield SegmentFinding(index, f"{_name(body)} was altered: {error.what}")
        return
    if found is None or found.root != body.root:
        yield SegmentFinding(index, f"{_name(body)} was altered: its {body.lines} lines are not those that were sealed")
    elif found != body:
        yield SegmentFinding(index, f"{_name(body)} was sealed as something else than its lines say")
    elif size != length:
        yield SegmentFinding(index, f"{_name(body)} was altered: something was written after its last line")


def _seal(path: Path) -> Event:
    event = Event.parse(path.read_bytes())
    if not isinstance(event.body, RefusalsSealed):
        raise MalformedRecord(f"{path} is the seal of something else.", "Restore it from its backup.")
    return event


def _name(body: RefusalsSealed) -> str:
    return f"segment {body.segment} of refused requests"
