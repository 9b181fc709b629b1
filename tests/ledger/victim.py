"""A ledger to attack, an auditor who holds a checkpoint of it, and what a careful attacker does after the first change."""

from __future__ import annotations

import copy
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lifecycle.ledger.appending.projections import Projections
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.log_key.keys import create_log_key
from lifecycle.ledger.log_key.signing import sign_ledger
from lifecycle.ledger.storage.rows import LedgerRows
from lifecycle.ledger.verifying.findings import Verification
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.proofs.merkle import Frontier, leaf_hash
from lifecycle.proofs.notes import Checkpoint, SigningKey, VerifierKey, sign
from lifecycle.records.identity import commit
from tests.ledger.happenings import ORIGIN, evaluated, happening, revoked, trained
from tests.ledger.places import Place, SqlitePlace

ALTER_FIVE = "UPDATE events SET stored = edited(stored, 'lost', 'fine') WHERE leaf_index = 5"


class Victim:
    """A ledger of twelve records, signed at four, at eight and at ten; the auditor holds the note of eight."""

    def __init__(self, place: Place, keys: Path) -> None:
        self.place = place
        self.keys = keys
        self.log_key: VerifierKey = create_log_key(keys, ORIGIN)
        with Ledger.open(self.url, origin=ORIGIN) as ledger:
            with ledger.writing() as writer:
                writer.append_all([trained(1), evaluated(1), revoked(1), trained(2)])
                _, opening = commit("a personal value")
                writer.keep(opening, "applicant-1")
            self.sign()
            self._fill(ledger, 4)
            self.held = self.sign()
            self._fill(ledger, 2)
            self.sign()
            self._fill(ledger, 2)
            self.events = [recorded.event for recorded in ledger.events()]

    @property
    def url(self) -> str:
        return self.place.url

    @property
    def file(self) -> Path:
        """The file of a victim on SQLite."""
        assert self.place.file is not None
        return self.place.file

    @property
    def stolen_key(self) -> SigningKey:
        """The log's key, in the hands of somebody else."""
        return SigningKey.parse((self.keys / "ledger.key").read_text(encoding="utf-8"))

    def sign(self) -> str:
        return sign_ledger(self.url, self.keys / "ledger.key", ORIGIN)

    def verify(self) -> Verification:
        """As an auditor does who held a checkpoint of eight records."""
        return verify_ledger(self.url, self.log_key, self.held)

    def twin(self) -> Victim:
        """Another of the same, with the same key."""
        twin = copy.copy(self)
        twin.place = self.place.twin()
        return twin

    def held_records(self) -> list[tuple[int, bytes]]:
        """The places and bytes that the auditor's checkpoint covers."""
        return [
            (row[0], row[1]) for row in self.place.fetch("SELECT leaf_index, stored FROM events WHERE leaf_index < 8 ORDER BY leaf_index")
        ]

    def rehash(self) -> None:
        """What a careful attacker does next: makes leaf hashes, head and projections fit the altered bytes."""
        frontier = Frontier()
        leaves = []
        for index, stored in self.place.fetch("SELECT leaf_index, stored FROM events ORDER BY leaf_index"):
            leaves.append((leaf_hash(stored), index))
            frontier.append(leaves[-1][0])
        self.place.change_all("UPDATE events SET leaf_hash = ? WHERE leaf_index = ?", leaves)
        self.place.change("UPDATE head SET size = ?, frontier = ?", (frontier.size, frontier.to_bytes()))
        self._refold()

    def rebuild_checkpoints(self, key: SigningKey) -> None:
        """What a thief of the log's key does: signs the altered tree anew, at every size that was signed."""
        leaves = [row[0] for row in self.place.fetch("SELECT leaf_hash FROM events ORDER BY leaf_index")]
        sizes = [row[0] for row in self.place.fetch("SELECT tree_size FROM checkpoints")]
        frontier, kept = Frontier(), []
        for size, leaf in enumerate(leaves, start=1):
            frontier.append(leaf)
            if size in sizes:
                kept.append((size, frontier.root(), sign(Checkpoint(ORIGIN, size, frontier.root()), key)))
        self.place.change("DELETE FROM checkpoints")
        self.place.change_all("INSERT INTO checkpoints VALUES (?, ?, ?)", kept)

    def insert_copy_of_five(self, index: int, stored: bytes, event_id: str) -> None:
        """Inserts a row with the columns of record 5 and the bytes that are given."""
        others = "type, environment, occurred_at_us, actor_id, subject_kind, subject_name, subject_version, subject_digest, run_id"
        found = self.place.fetch(f"SELECT {others} FROM events WHERE leaf_index = 5")[0]
        columns = f"INSERT INTO events (leaf_index, event_id, stored, leaf_hash, {others})"
        row = (index, event_id, stored, leaf_hash(stored), *found)
        self.place.change(f"{columns} VALUES ({', '.join('?' * len(row))})", row)

    def drop_constraints(self) -> None:
        """Makes room for what no honest database would take."""
        self.place.tamper("CREATE TABLE other AS SELECT * FROM events; DROP TABLE events; ALTER TABLE other RENAME TO events")

    def _refold(self) -> None:
        with LedgerRows(self.url) as rows:
            made = Projections.of(rows.records())
        self.place.change("DELETE FROM states")
        self.place.change_all("INSERT INTO states VALUES (?, ?, ?, ?, ?)", [(*place, *standing) for place, standing in made.states.items()])
        self.place.change("DELETE FROM streams")
        self.place.change_all("INSERT INTO streams VALUES (?, ?)", list(made.streams.items()))

    def _fill(self, ledger: Ledger, count: int) -> None:
        with ledger.writing() as writer:
            writer.append_all([happening(number) for number in range(count)])


@pytest.fixture
def victim(place: Place, tmp_path: Path) -> Victim:
    """On the database that the test is run on."""
    return Victim(place, tmp_path / "keys")


def victim_in(folder: Path) -> Victim:
    """A victim on SQLite in this folder."""
    (folder / "ledger").mkdir()
    return Victim(SqlitePlace(folder / "ledger" / "ledger.db"), folder / "keys")


def said(result: Verification) -> str:
    return "\n".join(f"{finding.breaks} {finding.index}: {finding.what}" for finding in result.findings)


def checkpointed(victim: Victim) -> bytes:
    """The database of a victim on SQLite as one file, without a write-ahead log."""
    with closing(sqlite3.connect(victim.file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return victim.file.read_bytes()
