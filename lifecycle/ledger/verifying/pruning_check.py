"""Verification of bytes that are gone: a later record says so, by rules that what is left still shows to have been kept.

Of a pruned record there are its leaf hash, which binds bytes that nobody has, and its columns, which bind nothing by themselves. So the
record of the pruning holds a digest of those columns, and everything else is held against what stands around them: types that may go at
all, the time that the place of a record gives it, the retirements that stay, the holds. Whoever pruned could still say of an old record
that it was another old one; only a copy of before shows that.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from lifecycle.errors import LifecycleError
from lifecycle.ledger.appending.version_end import KEPT_FOR_GOOD, VersionEnd, moved_by
from lifecycle.ledger.keeping.columns_digest import ColumnsDigest
from lifecycle.ledger.keeping.holds import HOLD_TYPES
from lifecycle.ledger.keeping.pruned import PrunedRanges
from lifecycle.ledger.keeping.pruning import CLOSED_VERSIONS
from lifecycle.ledger.storage.columns import RecordRow
from lifecycle.ledger.storage.rows import LedgerRows
from lifecycle.ledger.verifying.findings import Finding, named
from lifecycle.ledger.verifying.time_check import TOLERANCE_SECONDS
from lifecycle.records.bodies.keeping import BodiesPruned, LegalHoldPlaced, LegalHoldReleased
from lifecycle.records.counted import counted
from lifecycle.records.events import Event
from lifecycle.records.identity import now_us
from lifecycle.records.record import INTEGER_BOUND, Digest, Microseconds, parse_json
from lifecycle.records.retention import LEAST_DAYS, OBSERVATIONS, days_before

#: What is read before the pass: it says what later records may lack.
_BEFOREHAND = ("BodiesPruned", *HOLD_TYPES)


@dataclass
class _Pruning:
    """One record that says that bytes are gone, and what was found of them so far."""

    event: Event
    body: BodiesPruned
    gone: int = 0
    columns: ColumnsDigest = field(default_factory=ColumnsDigest)


@dataclass
class _Held:
    """A hold, and the records between which it was in force. `name` is None for one on everything."""

    name: str | None
    since: int
    until: int | None = None

    def covers(self, name: object, pruning: int) -> bool:
        in_force = self.since < pruning and (self.until is None or pruning < self.until)
        return in_force and self.name in (None, name)


class PruningCheck:
    """Fed with the records in order. Made over the rows that are then verified, in the same snapshot."""

    def __init__(self, rows: LedgerRows) -> None:
        told = dict(_told(rows))
        self._prunings = {index: _Pruning(event, event.body) for index, event in told.items() if isinstance(event.body, BodiesPruned)}
        #: The versions (model, number) whose past may have been pruned, and the last record that says that nothing follows from it.
        self.closed_versions: dict[tuple[str, int], int] = {
            (closed.model, closed.version): index for index, pruning in self._prunings.items() for closed in pruning.body.closed_versions
        }
        self._ranges = PrunedRanges.of({index: pruning.body for index, pruning in self._prunings.items()})
        self._holds = list(_holds(told, {commitment: value for commitment, _, value in rows.openings()}))
        self._ends: defaultdict[tuple[str, int], VersionEnd] = defaultdict(VersionEnd)
        #: The latest time that a record with bytes claims so far: no record after it was appended before that.
        self._latest: Microseconds = 0
        self._taken: list[tuple[int, int]] = []
        self._now = now_us()

    @property
    def anything_pruned(self) -> bool:
        """Whether a record says that bytes of others were pruned."""
        return bool(self._prunings)

    def look_at_missing(self, row: RecordRow) -> Iterator[Finding]:
        """What is wrong with the bytes of this record being gone, by what its columns say."""
        by = self._ranges.by(row.leaf_index) if isinstance(row.leaf_index, int) else None
        name = named(row.leaf_index, row.type, row.event_id)
        if by is None:
            yield Finding(row.leaf_index, f"{name} was altered: its bytes are gone, and nothing says that they were pruned")
            return
        pruning = self._prunings[by]
        pruning.gone += 1
        pruning.columns.take(row.leaf_index, row[1:-2])
        version = (row.subject_name, row.subject_version)
        if row.subject_kind == "model" and version in self.closed_versions:
            self._ends[version].take(row.type, row.environment, self._time_of(row))
        for wrong in self._wrongly_gone(row, by, pruning):
            yield Finding(row.leaf_index, f"{name} was pruned by record {by}, but {wrong}")

    def look_at(self, index: int, event: Event) -> Iterator[Finding]:
        """Takes an event in: it is there, so it can't have been pruned."""
        by = self._ranges.by(index)
        if by is not None:
            yield Finding(index, f"record {index} was pruned by record {by}, but its bytes are there again")
        if isinstance(event.body, BodiesPruned):
            name = named(index, event.type, event.id)
            for wrong in self._wrongly_said(index, event, event.body):
                yield Finding(index, f"{name} {wrong}")
        for version in moved_by(event):
            if version in self.closed_versions:
                self._ends[version].take(event.type, event.environment, max(event.occurred_at_us, self._latest))
        self._latest = max(self._latest, event.occurred_at_us)

    def end(self) -> Iterator[Finding]:
        """Prunings of which the columns that are left say something else than when they were made."""
        for index, pruning in self._prunings.items():
            if pruning.gone == pruning.body.count and pruning.columns.digest != pruning.body.columns_digest:
                told = "the columns of a record that it names are not what they were: what they say of it can't be believed"
                gone = counted(pruning.gone, "record")
                yield Finding(index, f"{named(index, pruning.event.type, pruning.event.id)} took {gone}, and {told}")

    def _wrongly_gone(self, row: RecordRow, by: int, pruning: _Pruning) -> Iterator[str]:
        rule, before = pruning.body.rule, pruning.body.before_us
        closed = self.closed_versions.get((row.subject_name, row.subject_version), -1) if row.subject_kind == "model" else -1
        of_one_that_is_over = row.leaf_index <= closed and row.type not in KEPT_FOR_GOOD
        if not of_one_that_is_over if rule == CLOSED_VERSIONS else (row.type != rule or row.type not in OBSERVATIONS):
            yield "it is no observation and of no version that is over, or one that is kept for good"
        if self._time_of(row) >= before:
            yield "that was before its retention had passed"
        if any(hold.covers(row.subject_name, by) for hold in self._holds):
            yield "it was under a legal hold"

    def _time_of(self, row: RecordRow) -> Microseconds:
        """A record that claims to be old stands where it was appended, and is as young as what stands before it."""
        claimed = row.occurred_at_us
        return max(claimed, self._latest) if isinstance(claimed, int) else INTEGER_BOUND

    def _wrongly_said(self, index: int, event: Event, body: BodiesPruned) -> Iterator[str]:
        if body.count != sum(some.end - some.start for some in body.ranges) or not self._takes(index, body):
            yield "says what can't be: it names records that come after it, twice, or another number of them"
        if event.occurred_at_us > self._now + TOLERANCE_SECONDS * 1_000_000:
            yield "is dated in the future"
        if body.before_us > days_before(event.occurred_at_us, LEAST_DAYS):
            yield f"lets records go that are not {LEAST_DAYS} days old"
        for closed in body.closed_versions:
            end = self._ends[closed.model, closed.version]
            if end.living or not end.is_over(body.before_us):
                where = f"in {', '.join(sorted(end.living))}" if end.living else "anywhere, or not for long enough"
                yield f"closes {closed.model}:{closed.version}, which is not retired {where}"

    def _takes(self, index: int, body: BodiesPruned) -> bool:
        """Takes its ranges; False where one reaches its own place, or another took some of it before."""
        for some in body.ranges:
            at = bisect_right(self._taken, (some.start, some.start))
            before, after = self._taken[at - 1 : at], self._taken[at : at + 1]
            if some.end > index or any(end > some.start for _, end in before) or any(start < some.end for start, _ in after):
                return False
            self._taken.insert(at, (some.start, some.end))
        return True


def _told(rows: LedgerRows) -> Iterator[tuple[int, Event]]:
    """What says what is gone and what is held. A record that can't be read is a finding of whoever looks at it."""
    for row in rows.wanted({}, _BEFOREHAND, since=0, newest_first=False, limit=None):
        if isinstance(row.leaf_index, int) and isinstance(row.stored, bytes):
            try:
                yield row.leaf_index, Event.parse(row.stored)
            except (LifecycleError, ValueError):
                continue


def _holds(told: dict[int, Event], values: dict[Digest, object]) -> Iterator[_Held]:
    """Every hold. One of which nobody can tell any more whom it was on is passed over: it was told then."""
    held: dict[str, _Held] = {}
    for index, event in told.items():
        body = event.body
        if isinstance(body, LegalHoldPlaced):
            if body.subject is None:
                held[body.hold_id] = _Held(body.name, index)
            elif (name := _name_in(values.get(body.subject.digest))) is not None:
                held[body.hold_id] = _Held(name, index)
        elif isinstance(body, LegalHoldReleased) and body.hold_id in held:
            held[body.hold_id].until = index
    yield from held.values()


def _name_in(value: object) -> str | None:
    try:
        return str(parse_json(value)) if isinstance(value, str) else None
    except LifecycleError:
        return None
