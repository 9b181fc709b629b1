"""What may be pruned now: which records' bytes go by which rule, and what keeps the others.

Bytes go only where nothing is folded from them any more. An observation moves no version. A version that was retired in
every environment that knows it is closed by its pruning (`BodiesPruned.closed_versions`), so that nothing follows from it even
where it is not known yet; of its records its retirements stay, and those that can tell of other versions. Only what a signature
covers goes, and nothing that is held. A record is as young as the youngest before it, whatever it claims: `pruning_check`
holds every pruning against the same rules, by what is left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lifecycle.ledger.appending.version_end import KEPT_FOR_GOOD, MOVING, VersionEnd, moved_by
from lifecycle.ledger.keeping.columns_digest import ColumnsDigest
from lifecycle.ledger.storage.columns import columns_of
from lifecycle.records.bodies.keeping import ClosedVersion, LeafRange
from lifecycle.records.events import Recorded
from lifecycle.records.record import Digest, Microseconds
from lifecycle.records.retention import RetentionPolicy, days_before

if TYPE_CHECKING:
    from lifecycle.ledger.appending.writer import Writer
    from lifecycle.ledger.keeping.holds import Hold

Version = tuple[str, int]
#: The rule by which the past of versions that are over goes; the others are named by the type of an observation.
CLOSED_VERSIONS = "closed versions"


@dataclass(frozen=True)
class Pruning:
    """Records that one rule lets go. `rule` is the type of an observation, or CLOSED_VERSIONS."""

    rule: str
    before_us: Microseconds
    #: What the columns of each record say, by its index, in order.
    columns: Mapping[int, Sequence[object]]
    closed: tuple[ClosedVersion, ...] = ()

    @property
    def indexes(self) -> tuple[int, ...]:
        return tuple(self.columns)

    @property
    def ranges(self) -> tuple[LeafRange, ...]:
        return tuple(ranges_of(self.columns))

    def columns_digest(self, ranges: Iterable[LeafRange]) -> Digest:
        """Of the records in some of its ranges, as BodiesPruned holds it."""
        digest = ColumnsDigest()
        for index in (index for some in ranges for index in range(some.start, some.end)):
            digest.take(index, self.columns[index])
        return digest.digest


def plan_pruning(
    writer: Writer, policy: RetentionPolicy, *, at_us: Microseconds, signed_size: int, holds: Sequence[Hold]
) -> tuple[Pruning, ...]:
    """What the policy lets go at a moment, of the first `signed_size` records. Changes nothing."""
    plan = []
    for kind, days in sorted(policy.observations.items()):
        free = _Free(holds, signed_size, writer, days_before(at_us, days))
        plan.append(Pruning(kind, free.before, _columns(free.among(writer.events(types=(kind,))))))
    if policy.closed_versions is not None:
        taken = {index for pruning in plan for index in pruning.columns}
        plan.append(_closed(writer, _Free(holds, signed_size, writer, days_before(at_us, policy.closed_versions)), taken))
    return tuple(pruning for pruning in plan if pruning.columns)


def ranges_of(indexes: Iterable[int]) -> Iterator[LeafRange]:
    """Indexes as ranges, in order, none touching another."""
    start = end = -1
    for index in sorted(indexes):
        if index != end:
            if end > start:
                yield LeafRange(start=start, end=end)
            start = index
        end = index + 1
    if end > start:
        yield LeafRange(start=start, end=end)


class _Free:
    """What nothing keeps from being pruned: it is signed, held by nobody, and from before a moment by its time and by its place."""

    def __init__(self, holds: Sequence[Hold], signed_size: int, writer: Writer, before: Microseconds) -> None:
        self.before = before
        self._holds = holds
        younger = writer.first_from(before)
        self._until = signed_size if younger is None else min(signed_size, younger)

    def among(self, events: Iterable[Recorded]) -> Iterator[Recorded]:
        for recorded in events:
            held = any(hold.covers((recorded.event.subject.name,)) for hold in self._holds)
            if not held and self.time_of(recorded) < self.before:
                yield recorded

    def time_of(self, recorded: Recorded) -> Microseconds:
        """When it was recorded at the earliest; `before` stands for any later time."""
        at_us = recorded.event.occurred_at_us
        return at_us if recorded.index < self._until else max(at_us, self.before)


def _closed(writer: Writer, free: _Free, taken: Container[int]) -> Pruning:
    """What goes with versions that are over, but for what another rule has `taken`: a record is pruned once."""
    gone: dict[int, Recorded] = {}
    closed: list[ClosedVersion] = []
    for name, number in _those_that_are_over(writer, free):
        of_version = free.among(writer.events(kind="model", name=name, version=number))
        goes = (one for one in of_version if one.event.type not in KEPT_FOR_GOOD and one.index not in taken)
        some = {recorded.index: recorded for recorded in goes}
        if some:
            gone |= some
            closed.append(ClosedVersion(model=name, version=number))
    return Pruning(CLOSED_VERSIONS, free.before, _columns(gone[index] for index in sorted(gone)), tuple(closed))


def _those_that_are_over(writer: Writer, free: _Free) -> list[Version]:
    """The versions that are retired in every environment in which anything moved them, and have been for long enough."""
    ends: defaultdict[Version, VersionEnd] = defaultdict(VersionEnd)
    for name in sorted({recorded.event.subject.name for recorded in writer.events(types=("VersionRetired",))}):
        for recorded in writer.events(types=MOVING, kind="model", name=name):
            for version in moved_by(recorded.event):
                ends[version].take(recorded.event.type, recorded.event.environment, free.time_of(recorded))
    return sorted(version for version, end in ends.items() if end.is_over(free.before))


def _columns(events: Iterable[Recorded]) -> dict[int, Sequence[object]]:
    return {recorded.index: columns_of(recorded.event) for recorded in events}
