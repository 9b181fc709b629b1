"""Backing the ledger up: a copy that is a ledger of its own, wholly signed, and verified before it counts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lifecycle.errors import InvalidDeclaration, LifecycleError, Tampered
from lifecycle.ledger.address import Address
from lifecycle.life.signing import signed_now, standing_key
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.ledger.verifying.findings import Verification


@dataclass(frozen=True)
class BackedUp:
    """A backup that was made and verified. `note` is its ledger checkpoint: keep it elsewhere."""

    file: Path
    size: int
    root: str
    note: str


def back_up(departments: Departments, file: Path) -> BackedUp:
    """Writes a backup of the ledger with a ledger checkpoint over all of it, and verifies it.

    Raises InvalidDeclaration where the file stands already, Tampered where the ledger does not verify: a damaged ledger makes no
    backup; Unavailable where the ledger, its signer or the file can't be reached.
    """
    from lifecycle.ledger.keeping.copies import back_up as copy_ledger

    signed_now(departments)
    copy_ledger(departments.settings.ledger_url, file)
    try:
        verified = verified_backup(departments, file)
    except Tampered as error:
        file.unlink(missing_ok=True)
        raise _no_backup(departments, error) from error
    except LifecycleError:
        file.unlink(missing_ok=True)
        raise
    return BackedUp(file, verified.size, verified.root_text, _latest_note(file))


def _no_backup(departments: Departments, error: Tampered) -> Tampered:
    """A record that does not hold stands for good, and so does the refusal: who is told only of the backup would make another one."""
    ledger = Address.parse(departments.settings.ledger_url)
    copy = f"`sqlite3 {ledger.file} '.backup COPY.db'`" if ledger.file is not None else "`pg_dump`"
    return Tampered(
        f"The ledger does not hold, so it makes no backup that a restore would take. {error.what}",
        f"Run `lifecycle ledger verify` and keep a copy as evidence ({copy}). While that record stands every later backup is refused "
        "as well: `lifecycle ledger restore` goes on from the last backup that holds, and declares what is lost.",
    )


def _latest_note(file: Path) -> str:
    from lifecycle.ledger.storage.rows import LedgerRows

    with LedgerRows(Address.of_file(file).url) as rows:
        return str(rows.latest_note())


def verified_backup(departments: Departments, file: Path) -> Verification:
    """The backup in a file, verified. Raises Tampered that says what is wrong with it, UnknownName where the log's key is not here."""
    from lifecycle.ledger.verifying.verification import verify_ledger

    if not file.is_file():
        raise InvalidDeclaration(f"There is no backup at {file}.", "Name a file that `lifecycle ledger backup` wrote.")
    verified = verify_ledger(Address.of_file(file).url, standing_key(departments))
    told = verified.findings[0].what if verified.findings else ""
    if not told and verified.unsigned:
        told = "its last records were never signed" if verified.signed_size else "no signature of this log covers it"
    if told:
        raise Tampered(
            f"{file} can't be relied on: {told.rstrip('.')}.",
            "Use another backup, of after the log's last change of key; "
            f"`lifecycle ledger verify --url {Address.of_file(file).url}` says all that is wrong with this one.",
        )
    return verified
