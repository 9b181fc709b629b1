"""The gateway's logs held against the ledger: segments by their numbers, rows by the gateway's own counters and its journal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from lifecycle.life.reconciling.reconciled import Contradiction, Told
from lifecycle.records.bodies.access import RefusalsSealed
from lifecycle.records.bodies.keeping import BodiesPruned, LeafRange, LedgerRestored
from lifecycle.records.bodies.serving import PredictionsSealed
from lifecycle.records.events import Recorded

#: What segments of refusals are called where those of a model are called after it.
_REFUSALS = "refused requests"


class Logged(Protocol):
    """One model's rows, as its gateway has them: `serving.prediction_log.reconciling.LoggedRows`."""

    @property
    def model(self) -> str: ...
    @property
    def stream(self) -> str | None: ...
    @property
    def segments(self) -> int: ...
    @property
    def sealed(self) -> int: ...
    @property
    def logged(self) -> int: ...
    @property
    def counted(self) -> int: ...
    @property
    def missing(self) -> int: ...
    @property
    def surplus(self) -> int: ...


@dataclass
class _Sealed:
    """What the ledger says of one stream: its segments by number, and their rows."""

    model: str
    rows: dict[int, int] = field(default_factory=dict)
    indexes: dict[int, int] = field(default_factory=dict)

    @property
    def missing(self) -> list[int]:
        """The numbers below the highest that the ledger lacks."""
        return sorted(set(range(1, max(self.rows, default=0) + 1)) - self.rows.keys())


class RowReconciliation:
    """Fed with the ledger's events in order, then held against what the gateway of this home has.

    `all_here`: no other gateway can write to this ledger, so that every stream of it must be this home's.
    """

    def __init__(self, *, all_here: bool) -> None:
        self._all_here = all_here
        self._streams: dict[str, _Sealed] = {}
        #: What the ledger itself says is gone: ranges that were pruned, and places at which records were lost with a restore.
        self._pruned: list[LeafRange] = []
        self._restored: list[int] = []

    @property
    def segments(self) -> int:
        return sum(len(stream.rows) for stream in self._streams.values())

    def look_at(self, recorded: Recorded) -> None:
        body = recorded.event.body
        if isinstance(body, BodiesPruned):
            self._pruned += body.ranges
        elif isinstance(body, LedgerRestored) and body.lost:
            self._restored.append(recorded.index)
        elif isinstance(body, PredictionsSealed):
            stream = self._streams.setdefault(body.stream, _Sealed(recorded.event.subject.name))
            stream.rows[body.number], stream.indexes[body.number] = body.rows, recorded.index
        elif isinstance(body, RefusalsSealed):
            stream = self._streams.setdefault(body.stream, _Sealed(_REFUSALS))
            stream.rows[body.number], stream.indexes[body.number] = body.lines, recorded.index

    def contradictions(self, logged: tuple[Logged, ...]) -> Iterator[Contradiction]:
        """Segments that the ledger lacks between two that it has, and rows that the gateway counted and does not have."""
        own = {rows.stream for rows in logged}
        for name, stream in self._streams.items():
            missing = self._unexplained(stream)
            if missing:
                what = f"segments {_listed(missing)} of {stream.model} were never entered, though later ones of stream {name} were"
                yield Contradiction("ledger", "gap", what, index=stream.indexes[max(stream.rows)])
            if self._all_here and name not in own:
                what = (
                    f"the ledger holds {len(stream.rows)} sealed segments of stream {name} of {stream.model}, "
                    "and the gateway of this home knows nothing of that stream: its folder was made anew, or put back"
                )
                yield Contradiction("gateway", "stream_unknown", what, index=stream.indexes[max(stream.rows)])
        for rows in logged:
            yield from self._held_against(rows)

    def _unexplained(self, stream: _Sealed) -> list[int]:
        """The missing numbers that neither a restore between their neighbours explains, nor as many pruned records there."""
        found = []
        for number in stream.missing:
            before, after = _neighbours(stream, number)
            pruned = sum(max(0, min(gone.end, after) - max(gone.start, before + 1)) for gone in self._pruned)
            lost = any(before < index < after for index in self._restored)
            between = [one for one in stream.missing if _neighbours(stream, one) == (before, after)]
            if not lost and pruned < len(between):
                found.append(number)
        return found

    def _held_against(self, rows: Logged) -> Iterator[Contradiction]:
        known = self._streams.get(rows.stream or "", _Sealed(rows.model)).rows
        if rows.missing:
            counted = max(rows.counted, rows.sealed)
            what = f"the gateway counted {counted} rows of {rows.model} as logged, and its log has {rows.logged}: {rows.missing} are gone"
            yield Contradiction("gateway", "rows_missing", what)
        if known and max(known) > rows.segments:
            what = (
                f"the ledger holds segment {max(known)} of {rows.model}, and the gateway's journal knows {rows.segments}: it was put back"
            )
            yield Contradiction("gateway", "journal_behind", what)
        elif known and max(known) == rows.segments and not self._restored and not self._pruned and sum(known.values()) != rows.sealed:
            what = f"the ledger holds {sum(known.values())} sealed rows of {rows.model}, and the gateway's journal {rows.sealed}"
            yield Contradiction("gateway", "rows_differ", what)

    def told(self, logged: tuple[Logged, ...]) -> Iterator[Told]:
        """Segments on their way, rows of killed workers, streams of other gateways."""
        for rows in logged:
            known = self._streams.get(rows.stream or "", _Sealed(rows.model)).rows
            behind = rows.segments - max(known, default=0)
            if behind > 0:
                yield Told("gateway", f"{behind} sealed segments of {rows.model} are in the gateway's journal and not in the ledger yet")
            if rows.surplus:
                yield Told("gateway", f"{rows.surplus} rows of {rows.model} were logged by workers that ended before they counted them")
        own = {rows.stream for rows in logged}
        for name, stream in self._streams.items():
            explained = sorted(set(stream.missing) - set(self._unexplained(stream)))
            if explained:
                yield Told("ledger", f"segments {_listed(explained)} of {stream.model} are gone: pruned, or lost with a restore")
            if name not in own and not self._all_here:
                yield Told("gateway", f"stream {name} of {stream.model} is of another gateway: it was not looked at here")


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:5])) + ("…" if len(numbers) > 5 else "")


def _neighbours(stream: _Sealed, number: int) -> tuple[int, int]:
    """The records between which the seal of a missing number would stand."""
    before = max((index for one, index in stream.indexes.items() if one < number), default=-1)
    return before, min(index for one, index in stream.indexes.items() if one > number)
