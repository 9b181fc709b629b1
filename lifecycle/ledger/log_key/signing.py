"""What the signer does: it goes on from the tree that it signed last, over stored bytes only, or it refuses.

The signer's memory is a file beside the key. A ledger that was shortened, or rebuilt with another past, does
not fit that memory and gets no signature; nor does one whose kept checkpoints are not this key's. One that was restored from
a backup goes on where it says itself what was lost (`ledger/log_key/restored.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lifecycle import durable
from lifecycle.errors import InvalidDeclaration, LifecycleError, MalformedRecord, Tampered, Unavailable
from lifecycle.ledger.address import Address
from lifecycle.ledger.log_key.key_ring import KeyRing, open_key_ring, retire_old_key
from lifecycle.ledger.log_key.keys import read_signing_key
from lifecycle.ledger.log_key.restored import tree_of_backup
from lifecycle.ledger.storage.rows import LedgerRows
from lifecycle.proofs.merkle import Frontier, leaf_hash
from lifecycle.proofs.notes import Checkpoint, VerifierKey, open_note, sign

#: The latest note lies beside a SQLite ledger under this name, for whoever wants to carry it off.
CHECKPOINT_FILE = "checkpoint"

_KEEP_EVIDENCE = "Nothing was signed. Keep a copy of the ledger as evidence and run `lifecycle ledger verify`."


def sign_ledger(database_url: str, key_file: Path, origin: str) -> str:
    """The signed note over the ledger as it stands now; the note that stands already where nothing was added.

    While the log changes its key, both sign. Raises Tampered where the ledger does not go on from what was signed before, or
    its head is not what its records hash to; InvalidDeclaration where the key or the ledger is of another origin, or the log
    has another key by now; Unavailable where one can't be read.
    """
    with one_signer(key_file):
        memory = SignersMemory.beside(key_file)
        known = memory.recall(origin)
        with LedgerRows(database_url, writable=True) as rows:
            ring = open_key_ring(key_file, rows)
            if ring.current.name != origin:
                raise InvalidDeclaration(
                    f"The key {key_file} is that of {ring.current.name!r}, not of {origin!r}.", "Pass the key of this log."
                )
            with rows.snapshot():
                frontier = _tree_that_goes_on(rows, tree_of_backup(rows, known, ring.verifiers) or known, ring)
                kept = [entry.note for entry in rows.checkpoints(above=frontier.size - 1)]
            checkpoint = Checkpoint(origin, frontier.size, frontier.root())
            note = sign(checkpoint, *ring.signing(frontier.size))
            # Remembered before anybody can see it: two different heads of one size are never both signed.
            if frontier.to_bytes() != known.to_bytes() or not memory.file.exists():
                memory.keep(origin, frontier)
            if note not in kept:
                rows.keep_checkpoint(checkpoint.size, checkpoint.root_hash, note)
        retire_old_key(key_file, ring, checkpoint.size)
    _lay_beside(Address.parse(database_url).file, note)
    return note


def remembered_note(key_file: Path, origin: str) -> str:
    """A signed note over the tree that was signed last, ledger or no ledger; empty where nothing was ever signed.

    It is a head that stood already, so signing it once more says nothing new. Raises like `sign_ledger`.
    """
    with one_signer(key_file):
        known = SignersMemory.beside(key_file).recall(origin)
        return sign(Checkpoint(origin, known.size, known.root()), read_signing_key(key_file)) if known.size else ""


def _tree_that_goes_on(rows: LedgerRows, known: Frontier, ring: KeyRing) -> Frontier:
    """The tree over all records, hashed from where `known` ends; held against the head and every kept checkpoint."""
    head = rows.head()
    if head.origin != ring.current.name:
        raise InvalidDeclaration(
            f"The ledger is that of {head.origin!r}, not of {ring.current.name!r}.", "Pass the key and the origin of this log."
        )
    if head.size < known.size:
        raise Tampered(f"The ledger has {head.size} records, but {known.size} were signed: its tail was dropped.", _KEEP_EVIDENCE)
    frontier = known.copy()
    kept = rows.checkpoints(above=known.size - 1)
    expected = next(kept, None)
    for index, stored in rows.stored(known.size, head.size):
        while expected is not None and expected.tree_size <= frontier.size:
            _require_own(expected.note, frontier, ring.verifiers)
            expected = next(kept, None)
        if index != frontier.size or not isinstance(stored, bytes):
            raise Tampered(f"Record {frontier.size} of the ledger is missing.", _KEEP_EVIDENCE)
        frontier.append(leaf_hash(stored))
    while expected is not None:
        _require_own(expected.note, frontier, ring.verifiers)
        expected = next(kept, None)
    if frontier.to_bytes() != head.frontier:
        raise Tampered(
            f"The head of the ledger at {head.size} records is not what its records hash to, after the {known.size} that were signed.",
            _KEEP_EVIDENCE,
        )
    return frontier


def _require_own(note: str, frontier: Frontier, keys: Sequence[VerifierKey]) -> None:
    """A kept checkpoint must be signed by a key of this log and must be what the records hash to."""
    try:
        checkpoint = open_note(note, keys)
    except MalformedRecord as error:
        raise Tampered(f"A kept ledger checkpoint near {frontier.size} records is no signed note.", _KEEP_EVIDENCE) from error
    if checkpoint.size != frontier.size or checkpoint.root_hash != frontier.root():
        raise Tampered(
            f"The ledger does not fit the ledger checkpoint of {checkpoint.size} records that was signed: its past was changed.",
            _KEEP_EVIDENCE,
        )


@dataclass(frozen=True)
class SignersMemory:
    """The tree that was signed last, in a file that only the signer writes."""

    file: Path

    @classmethod
    def beside(cls, key_file: Path) -> SignersMemory:
        """The memory of the signer whose key this is; it stays the same when the key changes."""
        return cls(key_file.with_suffix(".state"))

    def recall(self, origin: str) -> Frontier:
        """That tree; an empty one where nothing was signed yet."""
        try:
            said: Any = json.loads(self.file.read_text(encoding="utf-8"))
            if said["origin"] != origin:
                raise InvalidDeclaration(
                    f"{self.file} remembers another log: {said['origin']!r}.", "Keep every log's key in a folder of its own."
                )
            return Frontier.from_bytes(bytes.fromhex(said["frontier"]))
        except FileNotFoundError:
            return Frontier()
        except LifecycleError:
            raise
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Tampered(
                f"What the signer remembers in {self.file} can't be read: {error}.",
                "Restore that file from a backup; without it the signer can't tell a rebuilt ledger from the one that it signed.",
            ) from error

    def keep(self, origin: str, frontier: Frontier) -> None:
        said = {"origin": origin, "size": frontier.size, "frontier": frontier.to_bytes().hex()}
        _write(self.file, json.dumps(said) + "\n", 0o600)


def _lay_beside(ledger_file: Path | None, note: str) -> None:
    """Lays the note beside a SQLite ledger, unless it lies there already."""
    if ledger_file is None:
        return
    file = ledger_file.with_name(CHECKPOINT_FILE)
    if not file.exists() or file.read_bytes() != note.encode():
        _write(file, note, 0o644)


def _write(file: Path, text: str, mode: int) -> None:
    try:
        durable.replace(file, text.encode(), mode=mode)
    except OSError as error:
        raise Unavailable(
            f"{file} can't be written: {error.strerror}.", "Give the signer write access to its folder, and free space."
        ) from error


@contextmanager
def one_signer(key_file: Path) -> Iterator[None]:
    """Held while signing: two signers with one key take turns.

    The lock is a file of its own: the key's file is replaced when the log changes its key.
    """
    unreadable = Unavailable(f"The log key {key_file} can't be read.", "Pass the file that `create_log_key` made.")
    if not key_file.is_file():
        raise unreadable
    with ExitStack() as turn:
        try:
            turn.enter_context(durable.locked(key_file.with_suffix(".lock")))
        except OSError as error:
            raise unreadable from error
        yield
