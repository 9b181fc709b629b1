"""The latest ledger checkpoint that is known of this log from outside a backup: what a restore is held against."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lifecycle.errors import LifecycleError, Tampered, Unavailable
from lifecycle.life.signing import remembered
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.proofs.notes import Checkpoint


def last_known_checkpoint(departments: Departments, given: str | None, backup_size: int) -> tuple[Checkpoint, str] | None:
    """The latest ledger checkpoint of this log that is known here: the signer's memory, the note beside, the database, what was given.

    Raises Tampered for a given note that this log did not sign, and where the signer remembers less than is known otherwise.
    """
    from lifecycle.proofs.notes import open_note

    keys = departments.ledger_keys
    signed_last = remembered(departments)
    found = [] if given is None else [(open_note(given, keys), given)]
    for note in (signed_last, *_notes_here(departments)):
        try:
            found.append((open_note(note, keys), note))
        except LifecycleError:
            continue  # What this log did not sign says nothing about it.
    latest = max(found, key=lambda one: one[0].size, default=None)
    if signed_last and latest is not None and backup_size < open_note(signed_last, keys).size < latest[0].size:
        raise Tampered(
            f"A ledger checkpoint of {latest[0].size} records is known, but the signer remembers fewer: its memory was set back.",
            "Restore `ledger.state` beside the log's key from its latest copy first; the signer signs no second past.",
        )
    return latest


def own_notes(departments: Departments) -> tuple[str, ...]:
    """What this home itself knows of its log, apart from the log: the signer's memory, and the note that was laid beside."""
    from lifecycle.ledger.address import Address
    from lifecycle.ledger.log_key.signing import CHECKPOINT_FILE

    file = Address.parse(departments.settings.ledger_url).file
    beside = None if file is None else file.with_name(CHECKPOINT_FILE)
    laid = beside.read_text(encoding="utf-8", errors="replace") if beside is not None and beside.is_file() else ""
    return tuple(note for note in (remembered(departments), laid) if note)


def _notes_here(departments: Departments) -> Iterator[str]:
    from lifecycle.ledger.address import Address
    from lifecycle.ledger.log_key.signing import CHECKPOINT_FILE
    from lifecycle.ledger.storage.rows import LedgerRows

    url = departments.settings.ledger_url
    address = Address.parse(url)
    if address.file is not None and (beside := address.file.with_name(CHECKPOINT_FILE)).is_file():
        yield beside.read_text(encoding="utf-8", errors="replace")
    try:
        with LedgerRows(url) as rows:
            yield str(rows.latest_note() or "")
    except (Unavailable, Tampered):
        pass  # There is nothing to read any more: that is what a restore is for.
