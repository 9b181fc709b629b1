"""Changing the log's key, as the signer's process does it: the event first, then the files, then a checkpoint under both keys.

The new key is made and on the disk before the ledger names it; from the moment that the ledger does, every signature first
puts it in office. So a crash anywhere leaves either the old key alone, or the change, and running it again finishes it.
"""

from __future__ import annotations

from pathlib import Path

from lifecycle.errors import InvalidDeclaration
from lifecycle.ledger.log_key.key_ring import change_is_recorded, next_key_file, open_key_ring, require_one_change_at_a_time, rotations_in
from lifecycle.ledger.log_key.keys import create_signing_key, read_signing_key
from lifecycle.ledger.log_key.signing import SignersMemory, one_signer, sign_ledger
from lifecycle.ledger.storage.rows import LedgerRows
from lifecycle.proofs.rotation import Rotation

#: For how many records past the change both keys sign, unless told otherwise: whoever knows only the old key, and looks at the
#: ledger once in that time, learns of the new one.
OVERLAP = 1_000


def rotate_key(database_url: str, key_file: Path, origin: str, *, reason: str, environment: str, overlap: int = OVERLAP) -> str:
    """Gives the log another key, and returns the first ledger checkpoint that it signs.

    With an overlap of 0 the old key signs nothing more: for a key that somebody else may have. Raises like `sign_ledger`, and
    InvalidDeclaration while a change before this one is not over.
    """
    with one_signer(key_file), LedgerRows(database_url) as rows:
        finishing = change_is_recorded(key_file, rotations_in(rows))
    note = sign_ledger(database_url, key_file, origin)
    if finishing:
        return note
    with one_signer(key_file):
        signed = SignersMemory.beside(key_file).recall(origin).size
        with LedgerRows(database_url) as rows:
            ring = open_key_ring(key_file, rows)
        require_one_change_at_a_time(ring, signed)
        waiting = next_key_file(key_file)
        new = read_signing_key(waiting) if waiting.exists() else create_signing_key(waiting, origin)
        if new.name != origin:
            raise InvalidDeclaration(f"{waiting} is a key of {new.name!r}, not of {origin!r}.", "Move it away, and change the key again.")
        # Nothing of more records than these was ever signed, so no checkpoint lacks a signature that it should have.
        rotation = Rotation.signed(ring.current, new, from_size=signed + 1, old_until_size=signed + overlap, reason=reason)
        _record(database_url, origin, rotation, environment)
    return sign_ledger(database_url, key_file, origin)


def _record(database_url: str, origin: str, rotation: Rotation, environment: str) -> None:
    from lifecycle.ledger.ledger import Ledger
    from lifecycle.proofs.signature_lines import encode
    from lifecycle.records.bodies import LogKeyRotated
    from lifecycle.records.events import Actor, Event, Subject

    body = LogKeyRotated(
        old_key=str(rotation.old),
        new_key=str(rotation.new),
        from_size=rotation.from_size,
        old_until_size=rotation.old_until_size,
        reason=rotation.reason,
        old_signature=encode(rotation.old_signature),
        new_signature=encode(rotation.new_signature),
    )
    event = Event.happened(body, subject=Subject(kind="key", name="log"), actor=Actor(id="signer", kind="service"), environment=environment)
    with Ledger.open(database_url, origin=origin, create=False) as ledger:
        ledger.append(event)
