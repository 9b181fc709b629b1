"""The signatures of this home's ledger: who may have it signed, what counts where nobody may, and the change of its key.

Where this process may read the ledger's private key, the signer's process is started for it. Elsewhere the key lies with a signer
of its own, which looks at the ledger by itself; then its latest ledger checkpoint is what there is.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from lifecycle import durable
from lifecycle.errors import Unavailable, UnknownName
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.proofs.notes import VerifierKey
    from lifecycle.records.rollout import LedgerProof

#: How long a checkpoint of a signer of its own is waited for; it looks every few seconds.
SIGNER_PATIENCE_SECONDS = 60.0


def may_sign(departments: Departments) -> bool:
    """Whether this process may start a signer; elsewhere the key lies with a signer of its own."""
    return os.access(departments.ledger_key_file, os.R_OK)


def sign(departments: Departments) -> str:
    """Has the signer's process sign the ledger as it stands now; returns the signed note.

    A ledger that was never signed gets its key first. Raises like `ledger.signer.request_checkpoint`.
    """
    from lifecycle.ledger.signer import request_checkpoint

    _ = departments.ledger_key, departments.ledger
    return request_checkpoint(departments.settings.ledger_url, departments.ledger_key_file, departments.settings.origin)


def signed_now(departments: Departments) -> str:
    """The ledger signed as it stands, where this process may have it signed; else the latest note of the signer's own.

    Raises Unavailable where there is none, and where there is no ledger: none is made to be signed.
    """
    departments.require_ledger()
    _ = departments.ledger_key
    if may_sign(departments):
        return sign(departments)
    note = departments.ledger.checkpoint()
    if note is None:
        raise Unavailable("No ledger checkpoint was signed yet.", "Start the signer, and ask again.")
    return note


def remembered(departments: Departments) -> str:
    """What the signer signed last; empty where it never did, or does not answer to this process."""
    from lifecycle.ledger.signer import request_remembered

    if not may_sign(departments):
        return ""
    return request_remembered(departments.ledger_key_file, departments.settings.origin) or ""


def standing_key(departments: Departments) -> VerifierKey:
    """The ledger's key, which must stand: nothing can be held against one that was made just now.

    Raises UnknownName where there is none, Unavailable where it can't be read.
    """
    from lifecycle.ledger.log_key.keys import read_log_key

    folder = departments.settings.home / "keys"
    try:
        return read_log_key(folder)
    except UnknownName as error:
        raise UnknownName(
            error.what,
            "Put `ledger.pub` back there from where you keep the keys, and `ledger.key` and `ledger.state` where this home signs.",
        ) from error


def change_key(departments: Departments, reason: str, overlap: int) -> str:
    """Has the signer's process give the ledger another key; returns the first note that it signs.

    Both keys sign for so many records more (`overlap`). Raises like `ledger.signer.request_rotation`.
    """
    from lifecycle.ledger.signer import request_rotation

    departments.require_ledger()
    _ = departments.ledger_key
    settings = departments.settings
    note = request_rotation(
        settings.ledger_url,
        departments.ledger_key_file,
        settings.origin,
        reason=reason,
        environment=departments.environment,
        overlap=overlap,
    )
    departments.forget("ledger_key")
    lay_down_key_changes(departments)
    return note


def lay_down_key_changes(departments: Departments) -> None:
    """Lays the changes of the ledger's key, as both keys signed them, where the gateway follows them without the ledger.

    Raises Unavailable where the ledger does not answer or the file can't be written.
    """
    from lifecycle.ledger.log_key.key_ring import rotations_in
    from lifecycle.ledger.storage.rows import LedgerRows
    from lifecycle.proofs.rotation import changes_as_text

    with LedgerRows(departments.settings.ledger_url) as rows:
        told = changes_as_text(rotations_in(rows))
    file = departments.key_changes_file
    try:
        if told and not (file.exists() and file.read_text(encoding="utf-8") == told):
            durable.replace(file, told.encode(), mode=0o644)
    except OSError as error:
        raise Unavailable(f"{file} can't be written: {error.strerror}.", "Give yourself write access to it, and free space.") from error


def proof_of(departments: Departments, index: int) -> LedgerProof:
    """One record with its proof against a signed ledger checkpoint that covers it.

    Raises Unavailable where a signer of its own signs none in time.
    """
    _ = departments.ledger_key
    if may_sign(departments):
        sign(departments)
    lay_down_key_changes(departments)
    deadline = time.monotonic() + (0.0 if may_sign(departments) else SIGNER_PATIENCE_SECONDS)
    while True:
        try:
            return departments.ledger.proof(index)
        except Unavailable:
            if time.monotonic() >= deadline:
                raise
        time.sleep(0.2)
