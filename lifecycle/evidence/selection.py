"""Which records go into a pack: enough to follow a version to its end, and all that their proof rests on.

Whole streams wherever that is possible, because only a whole stream shows that nothing of it was left out.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from lifecycle.errors import Tampered, UnknownName
from lifecycle.lineage.selection import ANSWERS, SWAPS
from lifecycle.proofs.merkle import leaf_hash
from lifecycle.records.bodies import BODIES
from lifecycle.records.record import JsonObject, Name, Version

#: A stream of more records than this is packed in part: those that are about the version.
MOST_OF_ONE_STREAM = 2_000
#: Types of record by people who signed, or tried to.
_ABOUT_PEOPLE = frozenset({name for name, body in BODIES.items() if "envelope" in body.model_fields} | {"ApprovalBarred"})
#: Types of record that later ones on the same version rest on.
_BEHIND = ("ModelTrained", "ApprovalGiven", "DecisionMade", "RolloutRequested")
#: How many trainings are looked through for one under the ledger checkpoint.
_TRAININGS = 100


class Row(Protocol):
    """A row of the ledger, as any reader has it."""

    @property
    def leaf_index(self) -> int: ...
    @property
    def event_id(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def environment(self) -> str: ...
    @property
    def actor_id(self) -> str: ...
    @property
    def subject_kind(self) -> str: ...
    @property
    def subject_name(self) -> str: ...
    @property
    def subject_version(self) -> int | None: ...
    @property
    def run_id(self) -> str | None: ...
    @property
    def leaf_hash(self) -> bytes: ...
    @property
    def stored(self) -> bytes | None: ...


class Rows(Protocol):
    """A ledger's rows, as far as a pack is made from them."""

    def wanted(
        self, equal: Mapping[str, Any], types: Collection[str] | None, *, since: int, newest_first: bool, limit: int | None
    ) -> Iterable[Row]:
        """The rows that fit every filter that is given, in the order of the ledger."""


@dataclass
class Selection:
    """The rows of a pack by their index; `streams` are those that are whole, with how many records each has."""

    size: int
    rows: dict[int, Row] = field(default_factory=dict)
    streams: dict[str, int] = field(default_factory=dict)
    #: The indexes that are packed without a gap: from the first to before the last.
    span: tuple[int, int] = (0, 0)

    def ordered(self) -> list[Row]:
        return [self.rows[index] for index in sorted(self.rows)]

    def add(self, rows: Iterable[Row]) -> list[Row]:
        """Takes rows in, of those that the ledger checkpoint covers; returns these. Raises Tampered where one was altered."""
        covered = [row for row in rows if row.leaf_index < self.size]
        for row in covered:
            _require_intact(row)
        self.rows |= {row.leaf_index: row for row in covered}
        return covered

    def add_stream(self, rows: Rows, kind: str, name: str) -> bool:
        """Takes everything on one subject in; False where that is too much, and nothing was taken."""
        if f"{kind}/{name}" in self.streams:
            return True
        found = rows.wanted(_on(kind, name), None, since=0, newest_first=False, limit=MOST_OF_ONE_STREAM + 1)
        covered = [row for row in found if row.leaf_index < self.size]
        if len(covered) > MOST_OF_ONE_STREAM:
            return False
        if covered:
            self.streams[f"{kind}/{name}"] = len(self.add(covered))
        return True


def version_selection(rows: Rows, size: int, model: Name, version: Version) -> Selection:
    """Everything on a model of which there is not too much, its data, and the people and keys behind it.

    Raises UnknownName where the ledger knows no such version, or no longer.
    """
    selection = Selection(size)
    own = selection.add(rows.wanted(_on("model", model) | {"subject_version": version}, None, since=0, newest_first=False, limit=None))
    trained = [row for row in own if row.type == "ModelTrained"]
    if not trained:
        raise UnknownName(f"The signed ledger knows no {model}:{version}.", "`lifecycle status` lists the versions.")
    if all(row.stored is None for row in trained):
        raise UnknownName(
            f"What the ledger held of {model}:{version} was pruned.",
            "A pack from before holds what its records said; one of a period shows which are gone, and by which record.",
        )
    if not selection.add_stream(rows, "model", model):
        selection.add(rows.wanted(_on("model", model), (*SWAPS, *ANSWERS), since=own[0].leaf_index, newest_first=False, limit=None))
        for run in sorted({row.run_id for row in own if row.run_id is not None}):
            selection.add(rows.wanted(_on("model", model) | {"run_id": run}, None, since=0, newest_first=False, limit=None))
        for _, other in sorted({other for row in selection.ordered() for other in _versions_in(row)} - {(model, version)}):
            selection.add(rows.wanted(_on("model", model) | {"subject_version": other}, _BEHIND, since=0, newest_first=False, limit=None))
    selection.add_stream(rows, "dataset", model)
    _add_governors(rows, selection)
    return selection


def span_selection(rows: Rows, size: int, span: tuple[int, int], model: Name | None) -> Selection:
    """Every record from one index to before another (of one model, where one is named), and the people and keys behind them.

    Raises UnknownName where there is none: a pack of nothing would look like a period in which nothing happened.
    """
    selection = Selection(size, span=span if model is None else (0, 0))
    if span[1] > span[0]:
        on_model = {} if model is None else {"subject_name": model}
        within = rows.wanted(on_model, None, since=span[0], newest_first=False, limit=span[1] - span[0])
        selection.add(row for row in within if row.leaf_index < span[1])
    if not selection.rows:
        raise UnknownName(
            f"No signed record {'' if model is None else f'on {model} '}claims a time within that period.",
            "`lifecycle ledger log` shows when what happened; `lifecycle ledger checkpoint` signs what came last.",
        )
    for name, version in sorted({version for row in selection.ordered() for version in _versions_in(row)}):
        # What a decision used up, or a rollout went by, may be older than the period.
        about = _on("model", name) | {"subject_version": version}
        behind = rows.wanted(about, _BEHIND, since=0, newest_first=False, limit=None)
        selection.add(row for row in behind if row.leaf_index < span[1])
    if not any(row.type == "ModelTrained" for row in selection.ordered()):
        # The record of a training names the key that signs the list of the pack.
        trained = rows.wanted({}, ("ModelTrained",), since=0, newest_first=True, limit=_TRAININGS)
        selection.add([row for row in trained if row.leaf_index < size][:1])
    _add_governors(rows, selection)
    return selection


def _versions_in(row: Row) -> Iterator[tuple[Name, Version]]:
    """The versions that a record is about: its own, and the one that a rollback leads to."""
    if row.subject_version is not None:
        yield row.subject_name, row.subject_version
    body: Any = event_in(row).get("body", {}) if row.type == "RolledBack" else {}
    if body.get("to_version") is not None:
        yield row.subject_name, body["to_version"]


def event_in(row: Row) -> JsonObject:
    """What the bytes of a row say; {} where they were pruned."""
    said: JsonObject = {} if row.stored is None else json.loads(row.stored)
    return said


def _require_intact(row: Row) -> None:
    """Before anything reads it: what was altered may be no bytes at all (in SQLite any column holds any type), or say nothing."""
    stored: object = row.stored
    if stored is not None and (not isinstance(stored, bytes) or leaf_hash(stored) != row.leaf_hash):
        raise Tampered(
            f"Record {row.leaf_index} of the ledger ({row.type}) was altered.",
            "Run `lifecycle ledger verify`, keep a copy as evidence, and restore a backup.",
        )


def _add_governors(rows: Rows, selection: Selection) -> None:
    """What happened to the policies, to the log and to its key; whoever signed anything, with their whole past; and their keys."""
    for kind, name in (("policy", "governance"), ("ledger", "ledger"), ("key", "log")):
        selection.add_stream(rows, kind, name)
    people, keys = set[str](), set[str]()
    for row in selection.ordered():
        if row.type in _ABOUT_PEOPLE:
            people.add(row.actor_id)
            body: Any = event_in(row).get("body", {})
            keys.add(str(body.get("envelope", {}).get("key_id", "")))
    for kind, names in (("person", people), ("key", keys - {""})):
        for name in sorted(names):
            selection.add_stream(rows, kind, name)


def _on(kind: str, name: str) -> dict[str, Any]:
    return {"subject_kind": kind, "subject_name": name}
