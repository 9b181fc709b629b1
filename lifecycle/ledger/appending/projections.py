"""What the leaves say of states and streams, folded from the first one on.

Appends keep the same up step by step in two tables; whoever doubts them, or has none yet, makes them again from here. No
database library is needed for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Protocol

from lifecycle.errors import IllegalTransition, LifecycleError, MalformedRecord
from lifecycle.ledger.appending.legality import Legality, NothingKept, Place, Standing
from lifecycle.records.events import Event


class Leaf(Protocol):
    """What of a row of `events` projections are made from."""

    @property
    def leaf_index(self) -> Any: ...
    @property
    def type(self) -> Any: ...
    @property
    def environment(self) -> Any: ...
    @property
    def subject_kind(self) -> Any: ...
    @property
    def subject_name(self) -> Any: ...
    @property
    def subject_version(self) -> Any: ...
    @property
    def stored(self) -> Any: ...


def event_in(stored: object) -> Event | None:
    """The event of a row's bytes, None where they are gone. Raises MalformedRecord for anything else that may stand there."""
    if stored is None:
        return None
    if not isinstance(stored, bytes):
        raise MalformedRecord("its bytes are no bytes any more.", "Restore a backup.")
    return Event.parse(stored)


class Projections:
    """Every state and the length of every stream, by the leaves that were taken in."""

    def __init__(self, closed: Mapping[tuple[str, int], int] | None = None) -> None:
        """`closed` are the (model, version)s whose past up to a record may have been pruned: of that the columns say what is left."""
        self._legality = Legality(NothingKept(), closed)
        self._streams: Counter[str] = Counter()

    @property
    def states(self) -> dict[Place, Standing]:
        return self._legality.moved

    @property
    def streams(self) -> dict[str, int]:
        return self._streams

    @classmethod
    def of(cls, leaves: Iterable[Leaf], closed: Mapping[tuple[str, int], int] | None = None) -> Projections:
        """Those of all these leaves. One that is no event, or that can't have happened, moves no version, and counts."""
        projections = cls(closed)
        for leaf in leaves:
            with suppress(LifecycleError):
                projections.take(leaf)
        return projections

    def take(self, leaf: Leaf) -> Event | None:
        """Takes the next leaf in, and returns its event; None where its bytes are gone.

        One that can't have happened moves no version, and counts; so does one that is no event, for which MalformedRecord is raised.
        """
        try:
            event = event_in(leaf.stored)
        except MalformedRecord:
            self.pass_over(leaf)
            raise
        if event is None:
            self.pass_over(leaf)
            return None
        self.count(event.stream)
        with suppress(IllegalTransition):
            self.move(leaf.leaf_index, event)
        return event

    def count(self, stream: str) -> int:
        """The place of the next record in its stream, from 1."""
        self._streams[stream] += 1
        return self._streams[stream]

    def move(self, index: int, event: Event) -> None:
        """Takes in what an event does to versions. Raises IllegalTransition where it can't have happened; it moves nothing then."""
        self._legality.require(index, event)
        self._recall(index, event.type, event.subject.name, event.subject.version, event.environment)

    def pass_over(self, leaf: Leaf) -> None:
        """Takes in a record whose bytes are gone, or are no event: its columns say what there is left."""
        self.count(f"{leaf.subject_kind}/{leaf.subject_name}")
        self._recall(leaf.leaf_index, leaf.type, leaf.subject_name, leaf.subject_version, leaf.environment)

    def _recall(self, index: int, happened: str, name: str, version: int | None, environment: str) -> None:
        if version is not None:
            self._legality.recall(index, happened, Place(name, version, environment))


def different_states(made: Projections, kept: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    """Where the table of states, as (model, version, environment, state, index), says something else than the leaves."""
    expected = {tuple(place): tuple(standing) for place, standing in made.states.items()}
    return _compared(expected, {tuple(row[:3]): tuple(row[3:]) for row in kept}, _state_named)


def different_streams(made: Projections, kept: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    """Where the table of streams, as (stream, position), says something else than the leaves."""
    lengths = {(stream,): (length,) for stream, length in made.streams.items()}
    return _compared(lengths, {(stream,): (length,) for stream, length in kept}, _stream_named)


def _compared(expected: Mapping[Any, Any], kept: Mapping[Any, Any], sentence: Callable[[Any, Any, Any], str]) -> Iterator[str]:
    for key in sorted({*expected, *kept}, key=str):
        if expected.get(key) != kept.get(key):
            yield sentence(key, expected.get(key), kept.get(key))


def _state_named(place: tuple[Any, ...], expected: tuple[Any, ...] | None, kept: tuple[Any, ...] | None) -> str:
    said, meant = ("unknown" if of is None else f"{of[0]} since record {of[1]}" for of in (kept, expected))
    model, version, environment = place
    return f"the table of states says that {model}:{version} in {environment or 'every environment'} is {said}, the records say {meant}"


def _stream_named(stream: tuple[Any, ...], expected: tuple[Any, ...] | None, kept: tuple[Any, ...] | None) -> str:
    said, meant = (0 if of is None else of[0] for of in (kept, expected))
    return f"the table of streams says that {stream[0]} has {said} records, but it has {meant}"
