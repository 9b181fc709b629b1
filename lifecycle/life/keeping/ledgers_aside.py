"""Ledgers that lie beside the one in use: those that a restore replaced, and what a killed restore left half made.

Their leaves are evidence. The values that they hold beside their leaves are as erasable as any other.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from lifecycle.errors import Tampered, Unavailable
from lifecycle.ledger.address import Address
from lifecycle.life.keeping.restoring import RESTORING
from lifecycle.records.record import Digest
from lifecycle.wiring import Departments


def openings_aside(departments: Departments, subject: str) -> Iterator[Digest]:
    """The commitments whose values lie under this subject in a ledger that is kept aside."""
    from lifecycle.ledger.keeping.erasing import openings_about

    for file in _kept_aside(departments):
        try:
            yield from openings_about(Address.of_file(file).url, subject)
        except (Tampered, Unavailable):
            continue  # It is told as out of reach: see `unreadable_aside`.


def erase_aside(departments: Departments, commitments: Collection[Digest]) -> None:
    """Erases values in every ledger that is kept aside and can be read, and what a killed restore left.

    Only while `Intents.alone` is held, so that no restore is under way.
    """
    from lifecycle.ledger.keeping.erasing import erase_in_copy

    for folder in _folders(departments):
        for unfinished in folder.glob(RESTORING + "*"):
            shutil.rmtree(unfinished)
    for file in _kept_aside(departments):
        if commitments and file not in unreadable_aside(departments):
            erase_in_copy(Address.of_file(file).url, commitments)


def unreadable_aside(departments: Departments) -> tuple[Path, ...]:
    """The ledgers kept aside that are no databases any more: what they hold can't be taken out of them."""
    from lifecycle.ledger.keeping.erasing import openings_about

    found = []
    for file in _kept_aside(departments):
        try:
            openings_about(Address.of_file(file).url, "")
        except (Tampered, Unavailable):
            found.append(file)
    return tuple(found)


def _kept_aside(departments: Departments) -> Iterator[Path]:
    from lifecycle.ledger.keeping.replacing import replaced_ledgers

    return (file for folder in _folders(departments) for file in replaced_ledgers(folder))


def _folders(departments: Departments) -> Iterator[Path]:
    """Where a ledger is replaced: beside its file, or in the home for one on a server."""
    file = Address.parse(departments.settings.ledger_url).file
    folders = {departments.folder("ledger"), *(() if file is None else (file.parent,))}
    return (folder for folder in sorted(folders) if folder.is_dir())
