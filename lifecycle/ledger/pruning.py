"""What may be pruned now: which records' bytes go by which rule, and what keeps the others.

Bytes go only where nothing is folded from them any more. An observation moves no version. A version that was retired in
every environment that knows it is closed by its pruning (`BodiesPruned.closed_versions`), so that nothing follows from it even
where it is not known yet; of its records those stay that also tell of a version that is not closed. Only what a
signature covers goes, and nothing that is held.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lifecycle.ledger.legality import NOWHERE
from lifecycle.records.bodies.keeping import ClosedVersion, LeafRange
from lifecycle.records.bodies.serving import RolloutCompleted
from lifecycle.records.events import Event, Recorded
from lifecycle.records.record import Microseconds
from lifecycle.records.retention import RetentionPolicy, days_before
from lifecycle.records.states import touched

if TYPE_CHECKING:
    from lifecycle.ledger.holds import Hold
    from lifecycle.ledger.writer import Writer

Version = tuple[str, int]


@dataclass(frozen=True)
class Pruning:
    """Records that one rule lets go. `rule` is the type of an observation, or `closed versions`."""

    rule: str
    before_us: Microseconds
    indexes: tuple[int, ...]
    closed: tuple[ClosedVersion, ...] = ()

    @property
    def ranges(self) -> tuple[LeafRange, ...]:
        return tuple(ranges_of(self.indexes))


def plan_pruning(
    writer: Writer, policy: RetentionPolicy, *, at_us: Microseconds, signed_size: int, holds: Sequence[Hold]
) -> tuple[Pruning, ...]:
    """What the policy lets go at a moment, of the first `signed_size` records. Changes nothing."""
    held = _Held(holds, signed_size)
    plan = []
    for kind, days in sorted(policy.observations.items()):
        before = days_before(at_us, days)
        old = (recorded for recorded in writer.events(types=(kind,)) if recorded.event.occurred_at_us < before)
        plan.append(Pruning(kind, before, tuple(recorded.index for recorded in held.free(old))))
    if policy.closed_versions is not None:
        plan.append(_closed(writer, days_before(at_us, policy.closed_versions), held))
    return tuple(pruning for pruning in plan if pruning.indexes)


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


@dataclass(frozen=True)
class _Held:
    """What keeps a record from being pruned, whatever its age."""

    holds: Sequence[Hold]
    signed_size: int

    def free(self, events: Iterable[Recorded]) -> Iterator[Recorded]:
        for recorded in events:
            if recorded.index < self.signed_size and not any(hold.covers((recorded.event.subject.name,)) for hold in self.holds):
                yield recorded


def _closed(writer: Writer, before: Microseconds, held: _Held) -> Pruning:
    retired = {_version_of(recorded.event) for recorded in writer.events(types=("VersionRetired",))}
    over = {version for version in retired if version is not None and _is_over(writer, version, before)}
    gone: dict[int, Version] = {}
    for name, number in sorted(over):
        of_version = held.free(writer.events(kind="model", name=name, version=number))
        gone |= {recorded.index: (name, number) for recorded in of_version if _tells_of_these_only(recorded.event, over)}
    closed = tuple(ClosedVersion(model=name, version=number) for name, number in sorted(set(gone.values())))
    return Pruning("closed versions", before, tuple(sorted(gone)), closed)


def _is_over(writer: Writer, version: Version, before: Microseconds) -> bool:
    """Whether it is retired in every environment in which anything was ever decided about it, and has been for long enough."""
    standings = {environment: standing for environment, standing in writer.states_of(*version).items() if environment != NOWHERE}
    retirements = {r.index: r.event.occurred_at_us for r in writer.events(types=("VersionRetired",), name=version[0], version=version[1])}
    return bool(standings) and all(
        standing.state == "retired" and retirements.get(standing.leaf_index, before) < before for standing in standings.values()
    )


def _tells_of_these_only(event: Event, versions: Collection[Version]) -> bool:
    """Whether no version but these is moved by an event."""
    others = (event.body.superseded_version,) if isinstance(event.body, RolloutCompleted) else ()
    return all((event.subject.name, number) in versions for number in (*touched(event), *others) if number is not None)


def _version_of(event: Event) -> Version | None:
    return None if event.subject.version is None else (event.subject.name, event.subject.version)
