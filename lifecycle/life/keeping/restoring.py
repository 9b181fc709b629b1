"""Restoring the ledger from a backup: a restore is an event, and what it loses is named.

The backup is verified before anything is touched. The next record after it is LedgerRestored: it holds the last ledger checkpoint
that is known from outside the backup, and so says which records are lost. What must not come undone with them (erasures, legal
holds, revoked keys and versions) is recorded again, as far as the ledger that is replaced can still be read and verified.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lifecycle.errors import LifecycleError, Tampered
from lifecycle.ledger.address import Address
from lifecycle.life.checking.known_checkpoints import last_known_checkpoint
from lifecycle.life.keeping.backing_up import verified_backup
from lifecycle.life.keeping.erasure_intent import Intents
from lifecycle.life.recording import COMMAND_LINE, require_prose
from lifecycle.life.signing import signed_now
from lifecycle.records.bodies.keeping import LedgerRestored, LegalHoldPlaced, SubjectErased
from lifecycle.records.events import Event, Recorded, Subject
from lifecycle.records.identity import Opening, derived_id
from lifecycle.records.record import Name, Version
from lifecycle.records.states import State
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.ledger.appending.writer import Writer
    from lifecycle.ledger.looking import LookingLedger
    from lifecycle.ledger.verifying.findings import Verification
    from lifecycle.proofs.notes import Checkpoint

#: What the folder is called in which a restore works, beside the ledger; a killed one leaves it there.
RESTORING = ".restoring-"
#: What a restore must not undo, whatever else is lost.
NOT_UNDONE = ("SubjectErased", "LegalHoldPlaced", "LegalHoldReleased", "KeyRevoked", "ApprovalRevoked", "VersionRevoked")


@dataclass(frozen=True)
class Restored:
    """What a restore did. Records `backup_size` to `backup_size + lost - 1` of the ledger before are lost."""

    file: Path
    backup_size: int
    lost: int
    #: The last ledger checkpoint known from outside the backup; None where nothing was.
    last_known: str | None
    #: The record that says so, and those that say again what must not come undone, by their types.
    index: int
    repeated: tuple[str, ...]
    #: False where the ledger before could not be read or verified, so that what it held after the backup is not known.
    before_is_known: bool
    #: Where the ledger before is kept.
    replaced: Path | None
    note: str


def restore(departments: Departments, file: Path, *, reason: str, last_known: str | None = None) -> Restored:
    """Puts a backup in the place of the ledger, as its own next record says; the ledger before is kept aside.

    `last_known` is a ledger checkpoint from elsewhere, where this home has lost its own. Raises Tampered where the backup does
    not verify, is not wholly signed or is of another past than what is known; InvalidDeclaration without a reason;
    Unavailable where the ledger is in use or can't be replaced. Nothing has changed then.
    """
    require_prose(reason, "A restore")
    verified = verified_backup(departments, file)
    known = last_known_checkpoint(departments, last_known, verified.size)
    lost = _lost(verified, None if known is None else known[0])
    before, before_is_known = _before(departments, file, verified.size, known)
    declared = LedgerRestored(
        backup_size=verified.size,
        backup_root=f"sha256:{verified.root.hex()}",
        last_known=None if known is None else known[1],
        lost=lost,
        reason=reason,
    )
    first = _event(departments, declared)
    goes = _Goes(
        events=(first, *(_again(recorded.event, first) for recorded, _ in before)),
        openings=tuple(opening for _, opening in before if opening is not None),
    )
    replaced = _replace(departments, file, goes)
    return Restored(
        file=file,
        backup_size=verified.size,
        lost=lost,
        last_known=declared.last_known,
        index=verified.size,
        repeated=tuple(recorded.event.type for recorded, _ in before),
        before_is_known=before_is_known,
        replaced=replaced,
        note=signed_now(departments),
    )


def _lost(backup: Verification, known: Checkpoint | None) -> int:
    """How many records are lost. Raises Tampered where the backup is of another past."""
    if known is None:
        return 0
    if known.size == backup.size and known.root_hash != backup.root:
        raise Tampered(
            f"The backup holds {backup.size} records, but not those that the latest ledger checkpoint of this log covers.",
            "It is of another past. Keep both as evidence, and use a backup of this one.",
        )
    return max(known.size - backup.size, 0)


def _before(
    departments: Departments, file: Path, size: int, known: tuple[Checkpoint, str] | None
) -> tuple[list[tuple[Recorded, Opening | None]], bool]:
    """What the ledger that is replaced says after the backup and must not come undone; and whether that ledger can be believed."""
    from lifecycle.ledger.looking import LookingLedger
    from lifecycle.ledger.verifying.verification import verify_ledger

    settings = departments.settings
    try:
        standing = verify_ledger(settings.ledger_url, departments.ledger_key, None if known is None else known[1])
        if not standing.ok:
            return [], False
        with (
            LookingLedger(settings.ledger_url, origin=settings.origin) as ledger,
            LookingLedger(Address.of_file(file).url, origin=settings.origin) as backup,
        ):
            states_in_backup = cache(backup.states)
            recorded_since = ledger.events(types=NOT_UNDONE, since=size)
            found = [recorded for recorded in recorded_since if _can_happen(recorded.event, states_in_backup)]
            return [(recorded, _opening(ledger, recorded)) for recorded in found], True
    except LifecycleError:
        return [], False


def _can_happen(event: Event, states_in_backup: Callable[[Name], Mapping[tuple[Name, Version], State]]) -> bool:
    """Whether it can happen to what the backup knows: a version that came later is gone with its revocation."""
    if event.type != "VersionRevoked" or event.subject.version is None:
        return True
    state = states_in_backup(event.environment).get((event.subject.name, event.subject.version))
    return state not in (None, "revoked", "retired")


def _opening(ledger: LookingLedger, recorded: Recorded) -> Opening | None:
    """What opens the commitment of a hold, so that it still says whom it is on."""
    body = recorded.event.body
    return ledger.opening(body.subject) if isinstance(body, LegalHoldPlaced) and body.subject is not None else None


def _event(departments: Departments, declared: LedgerRestored) -> Event:
    about = Subject(kind="ledger", name="ledger")
    return Event.happened(declared, subject=about, actor=COMMAND_LINE, environment=departments.environment)


def _again(event: Event, restored: Event) -> Event:
    """What was recorded after the backup, recorded once more."""
    again = derived_id(event.id, restored.id)
    return Event.happened(event.body, subject=event.subject, actor=COMMAND_LINE, environment=event.environment, event_id=again)


@dataclass(frozen=True)
class _Goes:
    """What a restored ledger goes on with."""

    events: tuple[Event, ...]
    openings: tuple[Opening, ...]

    def on(self, writer: Writer) -> None:
        writer.append_all(self.events)
        for opening in self.openings:
            writer.keep(opening, str(opening.value))
        writer.drop_openings(self.erased)

    @property
    def erased(self) -> list[str]:
        """The commitments whose values the backup may still have."""
        return [digest for event in self.events if isinstance(event.body, SubjectErased) for digest in event.body.openings]


def _replace(departments: Departments, file: Path, goes: _Goes) -> Path | None:
    """Puts the backup in the place of the ledger, with what it goes on with; returns where the ledger before is kept."""
    from lifecycle.ledger.keeping.erasing import wipe_traces
    from lifecycle.ledger.keeping.replacing import make_write_ahead, name_aside, replace_file, replace_on_server
    from lifecycle.ledger.ledger import Ledger

    departments.forget("ledger")
    settings, folder = departments.settings, departments.folder("ledger")
    address = Address.parse(settings.ledger_url)

    unfinished = Intents(departments.folder("erasures", 0o700)).none_under_way()
    with unfinished, _working_copy(file, folder if address.file is None else address.file.parent) as copy:
        with Ledger.open(Address.of_file(copy).url, origin=settings.origin) as ledger:
            if address.file is None:
                ledger.head()
            else:
                with ledger.writing() as writer:
                    goes.on(writer)
        if address.file is None:
            aside = name_aside(folder)
            replace_on_server(address, settings.origin, copy, aside, goes.on)
            replaced: Path | None = aside
        else:
            wipe_traces(Address.of_file(copy).url)
            make_write_ahead(copy)
            replaced = replace_file(address.file, copy)
    if address.file is None and goes.erased:
        wipe_traces(settings.ledger_url)
    return replaced


@contextmanager
def _working_copy(file: Path, folder: Path) -> Iterator[Path]:
    """A copy of the backup to work on, in a folder of its own below this one; the backup itself is never written to."""
    from lifecycle.ledger.keeping.copies import copy_file
    from lifecycle.ledger.keeping.replacing import make_write_ahead

    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=RESTORING) as name:
        copy = Path(name) / "ledger.db"
        copy_file(Address.of_file(file), copy)
        make_write_ahead(copy)
        yield copy
