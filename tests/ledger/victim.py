"""A ledger to attack, an auditor who holds a checkpoint of it, and what a careful attacker does after the first change."""

from __future__ import annotations

import copy
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from lifecycle.ledger.findings import Verification
from lifecycle.ledger.keys import create_log_key
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.projections import Projections
from lifecycle.ledger.rows import LedgerRows
from lifecycle.ledger.signing import sign_ledger
from lifecycle.ledger.verification import verify_ledger
from lifecycle.proofs.merkle import Frontier, leaf_hash
from lifecycle.proofs.notes import Checkpoint, SigningKey, VerifierKey, sign
from lifecycle.records.identity import commit
from tests.ledger.happenings import ORIGIN, evaluated, happening, revoked, tamper, trained

ALTER_FIVE = "UPDATE events SET stored = CAST(replace(CAST(stored AS TEXT), 'lost', 'fine') AS BLOB) WHERE leaf_index = 5"


class Victim:
    """A ledger of twelve records, signed at four, at eight and at ten; the auditor holds the note of eight."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "ledger.db"
        self.keys = folder / "keys"
        self.log_key: VerifierKey = create_log_key(self.keys, ORIGIN)
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
        return f"sqlite:///{self.file}"

    def sign(self) -> str:
        return sign_ledger(self.url, self.keys / "ledger.key", ORIGIN)

    def verify(self) -> Verification:
        """As an auditor does who held a checkpoint of eight records."""
        return verify_ledger(self.url, self.log_key, self.held)

    def copy_to(self, folder: Path) -> Victim:
        """Another of the same, in a folder that is emptied for it."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.file.parent, folder)
        twin = copy.copy(self)
        twin.file, twin.keys = folder / self.file.name, folder / self.keys.name
        return twin

    def held_records(self) -> list[tuple[int, bytes]]:
        """The places and bytes that the auditor's checkpoint covers."""
        with closing(sqlite3.connect(self.file)) as connection:
            return connection.execute("SELECT leaf_index, stored FROM events WHERE leaf_index < 8 ORDER BY leaf_index").fetchall()

    def rehash(self) -> None:
        """What a careful attacker does next: makes leaf hashes, head and projections fit the altered bytes."""
        with closing(sqlite3.connect(self.file)) as connection:
            frontier = Frontier()
            for index, stored in connection.execute("SELECT leaf_index, stored FROM events ORDER BY leaf_index").fetchall():
                leaf = leaf_hash(stored)
                connection.execute("UPDATE events SET leaf_hash = ? WHERE leaf_index = ?", (leaf, index))
                frontier.append(leaf)
            connection.execute("UPDATE head SET size = ?, frontier = ?", (frontier.size, frontier.to_bytes()))
            connection.commit()
        with LedgerRows(self.url) as rows:
            made = Projections.of(rows.records())
        with closing(sqlite3.connect(self.file)) as connection:
            connection.execute("DELETE FROM states")
            connection.execute("DELETE FROM streams")
            states = [(*place, *standing) for place, standing in made.states.items()]
            connection.executemany("INSERT INTO states VALUES (?, ?, ?, ?, ?)", states)
            connection.executemany("INSERT INTO streams VALUES (?, ?)", list(made.streams.items()))
            connection.commit()

    def rebuild_checkpoints(self, key: SigningKey) -> None:
        """What a thief of the log's key does: signs the altered tree anew, at every size that was signed."""
        with closing(sqlite3.connect(self.file)) as connection:
            leaves = [row[0] for row in connection.execute("SELECT leaf_hash FROM events ORDER BY leaf_index")]
            sizes = [row[0] for row in connection.execute("SELECT tree_size FROM checkpoints")]
            connection.execute("DELETE FROM checkpoints")
            frontier = Frontier()
            for size, leaf in enumerate(leaves, start=1):
                frontier.append(leaf)
                if size in sizes:
                    note = sign(Checkpoint(ORIGIN, size, frontier.root()), key)
                    connection.execute("INSERT INTO checkpoints VALUES (?, ?, ?)", (size, frontier.root(), note))
            connection.commit()

    def _fill(self, ledger: Ledger, count: int) -> None:
        with ledger.writing() as writer:
            writer.append_all([happening(number) for number in range(count)])


def said(result: Verification) -> str:
    return "\n".join(f"{finding.breaks} {finding.index}: {finding.what}" for finding in result.findings)


def checkpointed(victim: Victim) -> bytes:
    """The database as one file, without a write-ahead log."""
    with closing(sqlite3.connect(victim.file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return victim.file.read_bytes()


def insert_copy_of_five(file: Path, index: int, stored: bytes, event_id: str) -> None:
    """Inserts a row with the columns of record 5 and the bytes that are given."""
    with closing(sqlite3.connect(file)) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(events)")]
        row = dict(zip(columns, connection.execute("SELECT * FROM events WHERE leaf_index = 5").fetchone(), strict=True))
        row.update(leaf_index=index, event_id=event_id, stored=stored, leaf_hash=leaf_hash(stored))
        connection.execute(f"INSERT INTO events ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))
        connection.commit()


def rebuild_without_constraints(file: Path) -> None:
    tamper(file, "CREATE TABLE other AS SELECT * FROM events; DROP TABLE events; ALTER TABLE other RENAME TO events")
