"""Holds the segments of a prediction log against what was sealed of them.

Every row of a sealed segment stands under its root, so that a row which was edited, dropped or added shows; so does a segment that
is gone. What was asked of a row may be missing only where it was erased.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass

from lifecycle.errors import LifecycleError
from lifecycle.records.bodies.serving import PredictionsSealed
from lifecycle.records.events import Event
from lifecycle.records.record import Digest, Id, Name
from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.prediction_log.asked_check import AskedCheck
from lifecycle.serving.prediction_log.sealing import read_seal, seal_id
from lifecycle.serving.prediction_log.segment_reading import SegmentReading, whole_lines
from lifecycle.serving.prediction_log.segments import ModelLog, model_logs
from lifecycle.serving.rollouts.journal import replay


@dataclass(frozen=True)
class Sealed:
    """A segment as the ledger knows it."""

    index: int
    model: Name
    body: PredictionsSealed


@dataclass(frozen=True)
class SegmentFinding:
    """What is wrong with a segment, or only to be told; `index` is that of the record which sealed it."""

    index: int | None
    what: str
    broken: bool = True


@dataclass(frozen=True)
class OwnSegments:
    """What the gateways of a home know of their segments at one moment: take it before the ledger is read, so that what is entered
    meanwhile is not taken for missing there.
    """

    #: By stream: the log of the model that its segments lie in.
    streams: dict[Id, ModelLog]
    #: Seals that lie beside segments and that the journal has handed over: the ledger must have them.
    handed_over: tuple[tuple[Id, int, str], ...]
    faults: tuple[str, ...]

    @classmethod
    def look(cls, *folders: GatewayFolder) -> OwnSegments:
        """Raises Tampered and Unavailable where a journal can't be read."""
        whole = cls({}, (), ())
        for folder in folders:
            own = cls._of(folder)
            twice = whole.streams.keys() & own.streams.keys()
            claims = (f"stream {one} lies in two folders: {whole.streams[one].folder} and {own.streams[one].folder}" for one in twice)
            faults = (*whole.faults, *own.faults, *claims)
            whole = cls(own.streams | whole.streams, whole.handed_over + own.handed_over, faults)
        return whole

    @classmethod
    def _of(cls, folder: GatewayFolder) -> OwnSegments:
        state, pending, _ = replay(folder.journal)
        streams = {stream.stream: ModelLog(folder.predictions / stream.model) for stream in state.sealed}
        waiting = {waits.event.id for waits in pending}
        handed_over, faults = [], []
        for log in model_logs(folder.predictions):
            known = state.stream(log.model)
            for seal in log.seals():
                try:
                    event = read_seal(log, seal)
                except LifecycleError as error:
                    faults.append(error.what)
                    continue
                stream = _stream(event)
                streams[stream] = log
                if event.id not in waiting and known is not None and seal.number <= known.number:
                    handed_over.append((stream, seal.number, seal.segment))
        return cls(streams, tuple(handed_over), tuple(faults))


def check_segments(
    own: OwnSegments, sealed: Iterable[Sealed], erased: Container[Digest], pruned: Callable[[Id], bool], *, all_here: bool
) -> Iterator[SegmentFinding]:
    """What does not hold, segment by segment; `sealed` are all that the ledger has, in its order, `erased` the commitments of
    rows whose values were erased, `pruned` says of the id of an event whether its bytes may be gone. Segments of other
    gateways can't be looked at here, and are told; where no other gateway can write to this ledger (`all_here`) there are none,
    and a stream that this gateway knows nothing of is a log that was dropped.
    """
    for fault in own.faults:
        yield SegmentFinding(None, fault)
    numbers: dict[Id, int] = {}
    segments: dict[tuple[Id, str], int] = {}
    elsewhere: dict[Id, list[Sealed]] = {}
    seen: set[tuple[Id, int]] = set()
    for one in sealed:
        body = one.body
        yield from _place(one, numbers, segments, pruned)
        seen.add((body.stream, body.number))
        log = own.streams.get(body.stream)
        if log is not None:
            yield from _content(ModelLog(log.folder.with_name(one.model)), one.index, body, erased)
        else:
            elsewhere.setdefault(body.stream, []).append(one)
    for stream, number, segment in own.handed_over:
        if (stream, number) not in seen and not pruned(seal_id(stream, number)):
            name = f"segment {segment} of {own.streams[stream].model}"
            yield SegmentFinding(None, f"{name} was sealed as number {number}, and the ledger does not have its seal")
    for stream, segments_there in elsewhere.items():
        count, last = len(segments_there), segments_there[-1]
        if all_here:
            rows = sum(one.body.rows for one in segments_there)
            gone = f"{count} sealed segments of {last.model} with {rows} rows are missing"
            yield SegmentFinding(last.index, f"{gone}: the gateway of this home knows nothing of stream {stream}")
        else:
            told = f"{count} segments of stream {stream} are of no gateway of this home: look at them where they lie"
            yield SegmentFinding(None, told, broken=False)


def _place(
    one: Sealed, numbers: dict[Id, int], segments: dict[tuple[Id, str], int], pruned: Callable[[Id], bool]
) -> Iterator[SegmentFinding]:
    """The numbers of a stream have no gaps but those of pruned seals, and a segment is sealed once."""
    body, last = one.body, numbers.get(one.body.stream, 0)
    name = f"segment {body.segment} of {one.model}"
    if body.number <= last:
        yield SegmentFinding(one.index, f"{name} is number {body.number} of its stream, which was given before")
    gone = [number for number in range(last + 1, body.number) if not pruned(seal_id(body.stream, number))]
    if gone:
        missing = f"number {gone[0]} is" if len(gone) == 1 else f"{len(gone)} from number {gone[0]} on are"
        yield SegmentFinding(one.index, f"{name} is number {body.number} of its stream, and {missing} missing before it")
    numbers[body.stream] = max(body.number, last)
    first = segments.setdefault((body.stream, body.segment), one.index)
    if first != one.index:
        yield SegmentFinding(one.index, f"{name} was sealed before, by record {first}")


def _content(log: ModelLog, index: int, body: PredictionsSealed, erased: Container[Digest]) -> Iterator[SegmentFinding]:
    """The rows under their root, and what was asked of each: in one pass, and in little memory."""
    name, path = f"segment {body.segment} of {log.model}", log.rows(body.segment)
    reading, asked = SegmentReading(path), AskedCheck(log, body.segment, erased)
    try:
        for line in whole_lines(path):
            asked.look_at(reading.add(line))
        size = path.stat().st_size
    except FileNotFoundError:
        yield SegmentFinding(index, f"{name} is missing, with {body.rows} rows")
        return
    except LifecycleError as error:
        yield SegmentFinding(index, f"{name} was altered: {error.what}")
        return
    if reading.size != body.rows:
        how, count = ("dropped from" if reading.size < body.rows else "added to"), abs(reading.size - body.rows)
        which = "1 row was" if count == 1 else f"{count} rows were"
        yield SegmentFinding(index, f"{name} was altered: {which} {how} its {body.rows}")
    elif reading.content().root != body.root:
        yield SegmentFinding(index, f"{name} was altered: one or more of its {body.rows} rows are not those that were sealed")
    elif reading.content().sealed_as(body.segment, body.stream, body.number, body.rows_dropped) != body:
        yield SegmentFinding(index, f"{name} was sealed as something else than its rows say: their times, or who answered them")
    elif size != reading.length:
        yield SegmentFinding(index, f"{name} was altered: something was written after its last row")
    yield from (SegmentFinding(index, what) for what in asked.found())
    yield from (SegmentFinding(index, what, broken=False) for what in asked.told())


def _stream(event: Event) -> Id:
    assert isinstance(event.body, PredictionsSealed)  # read_seal gives no other
    return event.body.stream
