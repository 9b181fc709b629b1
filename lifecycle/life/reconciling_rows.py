"""The gateway's prediction log held against the ledger: segments by their numbers, rows by the gateway's own counters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from lifecycle.life.reconciled import Contradiction, Told
from lifecycle.records.bodies.keeping import BodiesPruned, LedgerRestored
from lifecycle.records.bodies.serving import PredictionsSealed
from lifecycle.records.events import Recorded


class Logged(Protocol):
    """One model's rows, as its gateway has them: `serving.reconciling.LoggedRows`."""

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
    """Fed with the ledger's events in order, then held against what the gateway of this home has."""

    def __init__(self) -> None:
        self._streams: dict[str, _Sealed] = {}
        #: Whether the ledger itself says that records of it are gone: pruned, or lost with a restore.
        self._told_gone = False

    @property
    def segments(self) -> int:
        return sum(len(stream.rows) for stream in self._streams.values())

    def look_at(self, recorded: Recorded) -> None:
        body = recorded.event.body
        if isinstance(body, BodiesPruned | LedgerRestored):
            self._told_gone = True
        elif isinstance(body, PredictionsSealed):
            stream = self._streams.setdefault(body.stream, _Sealed(recorded.event.subject.name))
            stream.rows[body.number], stream.indexes[body.number] = body.rows, recorded.index

    def contradictions(self, logged: tuple[Logged, ...]) -> Iterator[Contradiction]:
        """Segments that the ledger lacks between two that it has, and rows that the gateway counted and does not have."""
        for name, stream in self._streams.items():
            if stream.missing and not self._told_gone:
                what = f"segments {_listed(stream.missing)} of {stream.model} were never entered, though later ones of stream {name} were"
                yield Contradiction("ledger", "gap", what, index=stream.indexes[max(stream.rows)])
        for rows in logged:
            yield from self._held_against(rows)

    def _held_against(self, rows: Logged) -> Iterator[Contradiction]:
        known = self._streams.get(rows.stream or "", _Sealed(rows.model)).rows
        if rows.missing:
            what = (
                f"the gateway counted {rows.counted} rows of {rows.model} as logged, and its log has {rows.logged}: {rows.missing} are gone"
            )
            yield Contradiction("gateway", "rows_missing", what)
        if known and max(known) > rows.segments:
            what = (
                f"the ledger holds segment {max(known)} of {rows.model}, and the gateway's journal knows {rows.segments}: it was put back"
            )
            yield Contradiction("gateway", "journal_behind", what)
        elif known and max(known) == rows.segments and not self._told_gone and sum(known.values()) != rows.sealed:
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
            if stream.missing and self._told_gone:
                yield Told("ledger", f"segments {_listed(stream.missing)} of {stream.model} are gone: pruned, or lost with a restore")
            if name not in own:
                yield Told(
                    "gateway", f"stream {name} of {stream.model} is of another gateway, or of this one before its folder was made anew"
                )


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:5])) + ("…" if len(numbers) > 5 else "")
