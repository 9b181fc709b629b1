"""Random attacks: whatever is done to whatever table, made to fit or not, shows where it must, and nothing below it is claimed.

| done by                                                   | what was changed                       | must show at       |
| --------------------------------------------------------- | -------------------------------------- | ------------------ |
| somebody who writes into the tables                       | anything but unread copies             | L0                 |
| and makes hashes, head and projections fit                | records that a kept checkpoint covers  | L1                 |
| and signs with the stolen key, or drops the checkpoints   | records that the held checkpoint covers | L2                |
| any of them                                               | records that nobody signed             | nowhere: they count as unsigned |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifecycle.proofs.notes import SigningKey
from tests.ledger.places import EVERY_DATABASE, Place
from tests.ledger.victim import Victim, said

pytestmark = EVERY_DATABASE

#: The tables, what tells their rows apart, and the columns that an attacker may write any text, number or bytes into.
TABLES = {
    "events": ("leaf_index", ("event_id", "type", "environment", "actor_id", "subject_kind", "subject_name", "stored", "leaf_hash")),
    "head": ("id", ("size", "frontier")),
    "checkpoints": ("tree_size", ("root_hash", "note")),
    "openings": ("commitment", ("salt_hex", "value")),
    "states": ("model, version, environment", ("state", "leaf_index")),
    "streams": ("stream", ("position",)),
}
BYTES, NUMBERS = {"stored", "leaf_hash", "frontier", "root_hash"}, {"size", "leaf_index", "position"}
#: How many records the victim has, how many of them its own last checkpoint covers, and how many the auditor's.
RECORDS, SIGNED, HELD = 12, 10, 8


@dataclass(frozen=True)
class Edit:
    """One value in one row becomes another."""

    table: str
    row: int
    column: str
    seed: int

    def do(self, place: Place) -> None:
        key, _ = TABLES[self.table]
        rows = place.fetch(f"SELECT {key}, {self.column} FROM {self.table} ORDER BY {key}")
        if rows:
            *where, value = rows[self.row % len(rows)]
            names = key.split(", ")
            conditions = " AND ".join(f"{name} = ?" for name in names)
            place.change(f"UPDATE {self.table} SET {self.column} = ? WHERE {conditions}", (self._other(value), *where))

    def _other(self, value: Any) -> Any:
        if self.column in NUMBERS:
            return int(value) + 1 + self.seed % 5
        content = bytearray(value if self.column in BYTES else value.encode())
        at = self.seed % len(content) if content else 0
        # Within a text, another letter or digit: a database takes nothing else for a text.
        content[at : at + 1] = bytes([content[at] ^ 0x01 if self.column in BYTES else ord("y" if content[at] == ord("x") else "x")])
        return bytes(content) if self.column in BYTES else content.decode(errors="replace")


@dataclass(frozen=True)
class Delete:
    """One row goes."""

    table: str
    row: int

    def do(self, place: Place) -> None:
        key, _ = TABLES[self.table]
        rows = place.fetch(f"SELECT {key} FROM {self.table} ORDER BY {key}")
        if rows:
            conditions = " AND ".join(f"{name} = ?" for name in key.split(", "))
            place.change(f"DELETE FROM {self.table} WHERE {conditions}", rows[self.row % len(rows)])


@dataclass(frozen=True)
class Swap:
    """Two records change places."""

    one: int
    other: int

    def do(self, place: Place) -> None:
        for to, here in ((-1, self.one), (self.one, self.other), (self.other, -1)):
            place.change("UPDATE events SET leaf_index = ? WHERE leaf_index = ?", (to, here))


@dataclass(frozen=True)
class Cut:
    """The tail goes, and the checkpoints that cover it."""

    length: int

    def do(self, place: Place) -> None:
        place.change("DELETE FROM events WHERE leaf_index >= ?", (self.length,))
        place.change("DELETE FROM checkpoints WHERE tree_size > ?", (self.length,))


@dataclass(frozen=True)
class CloseGap:
    """A record goes, and those behind it move up."""

    index: int

    def do(self, place: Place) -> None:
        place.change("DELETE FROM events WHERE leaf_index = ?", (self.index,))
        place.change("UPDATE events SET leaf_index = leaf_index + 1000 WHERE leaf_index > ?", (self.index,))
        place.change("UPDATE events SET leaf_index = leaf_index - 1001 WHERE leaf_index > 999")


Mutation = Edit | Delete | Swap | Cut | CloseGap
#: How far the attacker goes to make it fit.
Care = Literal["none", "rehashed", "signed by another key", "signed by the stolen key", "checkpoints dropped"]


def edits(table: str) -> st.SearchStrategy[Mutation]:
    return st.builds(Edit, st.just(table), st.integers(0, 11), st.sampled_from(TABLES[table][1]), st.integers(0, 5_000))


MUTATIONS: st.SearchStrategy[Mutation] = st.one_of(
    *(edits(table) for table in TABLES),
    *(st.builds(Delete, st.just(table), st.integers(0, 11)) for table in TABLES),
    st.builds(Swap, st.integers(0, 11), st.integers(0, 11)),
    st.builds(Cut, st.integers(0, 12)),
    st.builds(CloseGap, st.integers(0, 11)),
)
CARE: st.SearchStrategy[Care] = st.sampled_from(
    ["none", "rehashed", "signed by another key", "signed by the stolen key", "checkpoints dropped"]
)


def dumped(place: Place) -> dict[str, list[tuple[Any, ...]]]:
    return {table: place.fetch(f"SELECT * FROM {table} ORDER BY {key}") for table, (key, _) in TABLES.items()}


def records(place: Place) -> list[tuple[int, bytes]]:
    return place.fetch("SELECT leaf_index, stored FROM events ORDER BY leaf_index")


def make_fit(victim: Victim, care: Care) -> None:
    if care == "none" or any(not isinstance(stored, bytes) for _, stored in records(victim.place)):
        return
    if victim.place.fetch("SELECT count(*) FROM head") == [(1,)]:
        victim.rehash()
    match care:
        case "signed by another key":
            victim.rebuild_checkpoints(SigningKey.generate(victim.log_key.name))
        case "signed by the stolen key":
            victim.rebuild_checkpoints(victim.stolen_key)
        case "checkpoints dropped":
            victim.place.change("DELETE FROM checkpoints")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(mutations=st.lists(MUTATIONS, min_size=1, max_size=3), care=CARE)
def test_no_mutation_goes_unnoticed_at_the_level_where_it_must_show(victim: Victim, mutations: list[Mutation], care: Care) -> None:
    """Against the table above; and where nothing was changed after all, everything still holds."""
    before, records_before = dumped(victim.place), records(victim.place)
    attacked = victim.twin()
    try:
        attacked.place.tamper("")
        for mutation in mutations:
            mutation.do(attacked.place)
        make_fit(attacked, care)
        after, records_after = dumped(attacked.place), records(attacked.place)
        result = attacked.verify()
    finally:
        attacked.place.discard()
    if after == before:
        assert (result.ok, result.level) == (True, "L2"), said(result)
        return
    touched = {table for table in TABLES if after[table] != before[table]}
    if records_after[:HELD] != records_before[:HELD]:
        assert not result.ok
        assert result.level not in {"L2", "L3", "L4"}, said(result)
    if care == "signed by another key" and after["checkpoints"]:
        assert result.level in {"none", "L0"}, said(result)
    if care in {"none", "rehashed"} and records_after[:SIGNED] != records_before[:SIGNED] and (SIGNED,) in after_sizes(after):
        assert result.level in {"none", "L0"}, said(result)
    if care == "none" and touched & {"events", "head", "states", "streams"}:
        assert result.level == "none", said(result)
    if care == "none" and any(row not in before["checkpoints"] for row in after["checkpoints"]):
        assert result.level in {"none", "L0"}, said(result)
    if care == "none" and any(row not in before["openings"] for row in after["openings"]):
        assert result.level == "none", said(result)
    if records_after == records_before and touched <= {"openings"}:
        # A value that belongs to no record is nobody's evidence: that it went shows nowhere.
        assert result.ok == all(row in before["openings"] for row in after["openings"]), said(result)


def after_sizes(after: dict[str, list[tuple[Any, ...]]]) -> list[tuple[int]]:
    return [(row[0],) for row in after["checkpoints"]]


def test_the_table_above_speaks_of_this_victim(victim: Victim) -> None:
    """What the property counts on."""
    result = victim.verify()
    assert (result.size, result.signed_size, result.held_size) == (RECORDS, SIGNED, HELD)
