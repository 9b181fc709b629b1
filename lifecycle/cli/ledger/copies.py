"""`lifecycle ledger backup` and `restore`."""

from __future__ import annotations

from pathlib import Path

import click

from lifecycle.cli import render
from lifecycle.cli.options import STANDING_FILE
from lifecycle.records.counted import counted


@click.command(short_help="Write a backup of the ledger: a ledger of its own.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def backup(file: Path, as_json: bool) -> None:
    """Write a backup of the ledger into FILE, while others write, and verify it.

    FILE is a SQLite ledger, whatever database the ledger is kept in: `lifecycle ledger verify --url sqlite:///FILE` reads it.
    The ledger is signed first, so that the backup's own ledger checkpoint covers all of it. It holds the values beside
    the log as well: keep it as you keep the ledger. FILE is never overwritten.
    """
    from lifecycle.life.keeping.backing_up import back_up
    from lifecycle.wiring import Departments

    done = back_up(Departments.here(), file)
    if as_json:
        render.as_json({"file": str(done.file), "size": done.size, "root": done.root, "checkpoint": done.note})
        return
    render.line(f"{done.file}: {counted(done.size, 'record')}, root {done.root}; verified, and wholly signed.")
    render.note("The artifact store, the gateway's folder and the keys are not in it: copy those as files.")


@click.command(short_help="Put a backup in the place of the ledger; what is lost is recorded.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--reason", required=True, metavar="TEXT", help="Why; stands in the ledger.")
@click.option(
    "--last-known",
    type=STANDING_FILE,
    help="The latest ledger checkpoint that you kept elsewhere, where this home has lost its own.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was restored and what is lost as JSON.")
def restore(file: Path, reason: str, last_known: Path | None, as_json: bool) -> None:
    """Put the backup in FILE in the place of the ledger. Stop everything that uses the ledger first.

    The backup is verified before anything is touched. The next record is LedgerRestored: it names the records that are lost
    against the last ledger checkpoint that is known, and the signer goes on only where that is exactly what it remembers. An old
    copy that is put back in any other way stays refused by the signer, and shows to whoever holds a later checkpoint.
    Erasures, legal holds and revocations of after the backup are recorded again, and the ledger before is kept beside.
    """
    from lifecycle.life.keeping.restoring import restore as restore_ledger
    from lifecycle.wiring import Departments

    note = None if last_known is None else last_known.read_text(encoding="utf-8", errors="replace")
    done = restore_ledger(Departments.here(), file, reason=reason, last_known=note)
    if as_json:
        render.as_json(
            {
                "file": str(done.file),
                "backup_size": done.backup_size,
                "lost": done.lost,
                "last_known": done.last_known,
                "index": done.index,
                "repeated": list(done.repeated),
                "before_is_known": done.before_is_known,
                "replaced": None if done.replaced is None else str(done.replaced),
                "checkpoint": done.note,
            }
        )
        return
    last = done.backup_size + done.lost - 1
    lost = f"records {done.backup_size} to {last} are lost" if done.lost > 1 else f"record {last} is lost"
    told = lost if done.lost else "no record that was signed is lost"
    render.line(f"The ledger goes on from {counted(done.backup_size, 'record')}: {told}. Record {done.index} says so.")
    if done.repeated:
        render.line(f"Recorded again, so that it is not undone: {', '.join(done.repeated)}.")
    if not done.before_is_known:
        render.note(
            "The ledger before could not be read or verified. Erasures, legal holds and revocations of after the backup are not known: "
            "repeat them."
        )
    if done.replaced is not None:
        render.note(f"The ledger before is kept in {done.replaced}.")
    render.note("What versions went through after the backup is not in the ledger any more. Next: lifecycle ledger reconcile")
