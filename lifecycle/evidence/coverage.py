"""Which clauses the ledger holds evidence for, by leaf index, and which are gaps.

Evidence means: for each thing that the map says must be shown there is an event that shows it. Whether that is enough is for its
reader to judge; what it leaves open stands beside it. Everything else is a gap, with why, and what would close it.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

from lifecycle.errors import UnknownName
from lifecycle.evidence.controls import Applicability, Clause, Framework, Gap, Selector
from lifecycle.evidence.event_paths import fits
from lifecycle.lineage.export import unknown_version
from lifecycle.lineage.ports import Ledger
from lifecycle.lineage.selection import answers_of, events_behind, every_event
from lifecycle.records.events import Event, Link, Recorded
from lifecycle.records.record import JsonObject, Microseconds, Version

Status = Literal["evidence", "gap"]
#: How many leaves are cited for one thing that is shown: nobody reads more, and a serving model seals half a million a year.
MOST_CITED = 1_000


@dataclass(frozen=True)
class Shown:
    """What one selector found: the leaves, and the files that they name by digest. `more`: there are more of them than are cited."""

    selector: Selector
    indexes: tuple[int, ...]
    files: tuple[Link, ...]
    more: bool

    def as_json(self) -> JsonObject:
        return {
            "shows": self.selector.shows,
            "events": list(self.selector.events),
            "indexes": list(self.indexes),
            "more": self.more,
            "files": [{"role": link.role, "digest": link.digest} for link in self.files],
        }


@dataclass(frozen=True)
class Covered:
    """One clause: evidence with leaf indexes, or a gap."""

    framework: Framework
    clause: Clause
    shown: tuple[Shown, ...]
    #: What must be shown and is not.
    missing: tuple[Selector, ...]

    @property
    def status(self) -> Status:
        return "gap" if self.missing or self.clause.gap is not None else "evidence"

    @property
    def gap(self) -> Gap | None:
        """Why this is a gap and what would close it; None where it is evidence."""
        if self.clause.gap is not None or not self.missing:
            return self.clause.gap
        return Gap(
            why="No record shows this: " + " ".join(selector.shows for selector in self.missing),
            closes=" ".join(dict.fromkeys(selector.closes for selector in self.missing if selector.closes is not None)),
        )

    @property
    def told(self) -> str:
        """What a reader has to know of it: what it leaves open; or why it is a gap, what closes it, and what the records show that
        are there nevertheless. And from when it applies, where that is another day than its framework's.
        """
        gap = self.gap
        said = (self.clause.leaves_open or "") if gap is None else f"{gap.why} Closes it: {gap.closes}"
        if gap is not None and self.shown:
            said += " What the records show nevertheless: " + " ".join(shown.selector.shows for shown in self.shown)
        return " ".join([said, *(f"Applies from {one.since}, {one.to_whom}." for one in self.clause.applies)]).strip()

    @property
    def applies(self) -> tuple[Applicability, ...]:
        return self.framework.applies_to(self.clause)

    @property
    def indexes(self) -> tuple[int, ...]:
        """Every leaf that speaks to the clause, each once, in ledger order."""
        return tuple(sorted({index for shown in self.shown for index in shown.indexes}))

    def as_json(self) -> JsonObject:
        gap = self.gap
        return {
            "framework": self.framework.framework,
            "clause": self.clause.id,
            "title": self.clause.title,
            "asks": self.clause.asks,
            "applies": [one.as_json() for one in self.applies],
            "status": self.status,
            "indexes": list(self.indexes),
            "evidence": [shown.as_json() for shown in self.shown],
            "missing": [{"shows": selector.shows, "closes": selector.closes} for selector in self.missing],
            "gap": None if gap is None else {"why": gap.why, "closes": gap.closes},
            "leaves_open": self.clause.leaves_open,
        }


@dataclass(frozen=True)
class Coverage:
    """The table: every clause of every framework that was asked for, as the ledger of `size` records answers it."""

    model: str | None
    version: Version | None
    size: int
    #: The signed note of the latest ledger checkpoint, which a reader checks the leaves against.
    checkpoint: str | None
    #: The latest time that a cited record claims, 0 where none is cited: the same ledger gives the same, whenever it is asked.
    as_of_us: Microseconds
    clauses: tuple[Covered, ...]

    @property
    def frameworks(self) -> tuple[Framework, ...]:
        return tuple({covered.framework.framework: covered.framework for covered in self.clauses}.values())

    @property
    def indexes(self) -> tuple[int, ...]:
        """Every leaf that is cited."""
        return tuple(sorted({index for covered in self.clauses for index in covered.indexes}))

    def counted(self, framework: Framework) -> dict[Status, int]:
        """How many clauses of a framework are evidence and how many are gaps."""
        statuses = [covered.status for covered in self.clauses if covered.framework is framework]
        return {"evidence": statuses.count("evidence"), "gap": statuses.count("gap")}

    def as_json(self) -> JsonObject:
        return {
            "schema_version": "lifecycle.coverage/1",
            "model": self.model,
            "version": self.version,
            "ledger": {"size": self.size, "checkpoint": self.checkpoint},
            "as_of_us": self.as_of_us,
            "frameworks": [
                {
                    "framework": one.framework,
                    "title": one.title,
                    "source": one.source,
                    "remark": one.remark,
                    "evidence": self.counted(one)["evidence"],
                    "gaps": self.counted(one)["gap"],
                }
                for one in self.frameworks
            ],
            "clauses": [covered.as_json() for covered in self.clauses],
        }


def coverage(
    ledger: Ledger,
    frameworks: tuple[Framework, ...],
    model: str | None = None,
    version: Version | None = None,
    *,
    within: Container[int] | None = None,
) -> Coverage:
    """Holds a ledger against maps: for one version, for all versions of a model, or for everything that it holds.

    `within` keeps to these leaves, such as those of a period. The same ledger and maps give the same table. Raises UnknownName for
    a model or version that the ledger does not hold, and Tampered where a record that is read was altered.
    """
    if model is not None and version is None and not ledger.events(name=model, limit=1):
        raise UnknownName(f"The ledger holds nothing about a model {model!r}.", "`lifecycle status` lists the versions of every model.")
    size, checkpoint = ledger.head().size, ledger.checkpoint()
    selectors = [selector for framework in frameworks for clause in framework.clauses for selector in clause.evidence]
    tallies = {id(selector): _Tally() for selector in selectors}
    everywhere = [selector for selector in selectors if selector.scope == "ledger" or model is None]
    narrow = [selector for selector in selectors if selector.scope == "version" and model is not None]
    for event_type, wanting in _by_type(everywhere).items():
        _tally(every_event(ledger, types=(event_type,)), wanting, tallies, size, within)
    if version is None:
        for event_type, wanting in _by_type(narrow).items():
            _tally(every_event(ledger, types=(event_type,), name=model), wanting, tallies, size, within)
    elif model is not None:
        life = _life(ledger, model, version)
        for event_type, wanting in _by_type(narrow).items():
            _tally((one for one in life if one.event.type == event_type), wanting, tallies, size, within)
    covered = tuple(_covered(framework, clause, tallies) for framework in frameworks for clause in framework.clauses)
    as_of_us = max((tally.latest_us for tally in tallies.values()), default=0)
    return Coverage(model, version, size, checkpoint, as_of_us, covered)


def _life(ledger: Ledger, model: str, version: Version) -> list[Recorded]:
    """What belongs to a version; of the segments with its answers no more than are cited. Raises UnknownName where there is no such."""
    behind = events_behind(ledger, model, version)
    if not any(one.event.type == "ModelTrained" for one in behind):
        raise unknown_version(ledger, model, version)
    # That another version was rolled back to this one belongs to its life, and shows nothing that was done with it.
    own = (one for one in behind if one.event.subject.kind != "model" or one.event.subject.version in (None, version))
    return sorted([*own, *islice(answers_of(ledger, model, version), MOST_CITED + 1)], key=lambda one: one.index)


def ranges(indexes: Iterable[int]) -> str:
    """Sorted indexes as a person reads them: `2, 18, 26–31`."""
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in runs(indexes))


def runs(indexes: Iterable[int]) -> list[tuple[int, int]]:
    """The first and the last of each run of sorted indexes without a gap."""
    found: list[tuple[int, int]] = []
    for index in indexes:
        if found and index == found[-1][1] + 1:
            found[-1] = (found[-1][0], index)
        else:
            found.append((index, index))
    return found


@dataclass
class _Tally:
    indexes: list[int] = field(default_factory=list)
    files: dict[Link, None] = field(default_factory=dict)
    latest_us: Microseconds = 0
    more: bool = False

    def cite(self, recorded: Recorded, files: Iterable[Link]) -> None:
        if len(self.indexes) == MOST_CITED:
            self.more = True
            return
        self.indexes.append(recorded.index)
        self.files |= dict.fromkeys(files)
        self.latest_us = max(self.latest_us, recorded.event.occurred_at_us)


def _by_type(selectors: Iterable[Selector]) -> dict[str, list[Selector]]:
    found: dict[str, list[Selector]] = {}
    for selector in selectors:
        for event_type in selector.events:
            found.setdefault(event_type, []).append(selector)
    return dict(sorted(found.items()))


def _tally(
    events: Iterable[Recorded], selectors: list[Selector], tallies: dict[int, _Tally], size: int, within: Container[int] | None
) -> None:
    """Takes in events of one type, until every selector that wants this type has more than it cites."""
    for recorded in events:
        # What was appended since the question was asked is for the next one.
        if recorded.index >= size or (within is not None and recorded.index not in within):
            continue
        for selector in selectors:
            if _speaks(selector, recorded.event):
                tallies[id(selector)].cite(recorded, _files(selector, recorded.event))
        if all(tallies[id(selector)].more for selector in selectors):
            return


def _speaks(selector: Selector, event: Event) -> bool:
    return fits(event, {path: selector.wanted(path) for path in selector.where}, selector.has)


def _files(selector: Selector, event: Event) -> Iterator[Link]:
    return (link for link in (*event.inputs, *event.outputs) if link.role in selector.files)


def _covered(framework: Framework, clause: Clause, tallies: dict[int, _Tally]) -> Covered:
    found = [(selector, tallies[id(selector)]) for selector in clause.evidence]
    return Covered(
        framework,
        clause,
        shown=tuple(
            Shown(selector, tuple(sorted(tally.indexes)), tuple(tally.files), tally.more) for selector, tally in found if tally.indexes
        ),
        missing=tuple(selector for selector, tally in found if not tally.indexes and not selector.optional),
    )
