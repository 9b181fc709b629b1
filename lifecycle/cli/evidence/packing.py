"""`lifecycle evidence pack`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from lifecycle.cli import render
from lifecycle.cli.options import open_named, require_model
from lifecycle.errors import InvalidDeclaration
from lifecycle.records.counted import counted


@click.command(short_help="Write one file that proves a version, or a period.")
@click.option("--model", help="The model; for a period, only what happened to this one.")
@click.option("--version", "number", type=click.IntRange(min=1), help="The version of the model: everything that proves it.")
@click.option("--since", metavar="TIME", help="For a period: the first moment, in UTC, such as 2026-01-01 or 2026-01-01T08:00.")
@click.option("--until", metavar="TIME", help="For a period: the first moment after it; what is signed last unless it is given.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The zip file to write.")
@click.option("--force", is_flag=True, help="Replace the file where there is one already.")
@click.option("--json", "as_json", is_flag=True, help="Print what was packed as JSON.")
def pack(model: str | None, number: int | None, since: str | None, until: str | None, out: Path, force: bool, as_json: bool) -> None:
    """Write an evidence pack: one zip file that an auditor verifies offline, with the verify.py in it and nothing of ours.

    Either of one version (--model and --version), or of a period (--since, --until or both). The records in it are those that
    the latest ledger checkpoint covers; `lifecycle ledger checkpoint` signs the rest. The same ledger gives the same bytes.
    The auditor needs what you can't give them in it: `lifecycle ledger trust --out FILE` writes that, for them to take beforehand.
    """
    from lifecycle.evidence.pack import Scope
    from lifecycle.life.packing import pack as packed
    from lifecycle.wiring import Departments

    require_model(model, number)
    if (number is None) == (since is None and until is None):
        raise InvalidDeclaration(
            "A pack is of one version or of a period.", "Pass --model and --version, or --since and --until (or one of them)."
        )
    scope = Scope(model, number, since_us=_moment(since, "--since"), until_us=_moment(until, "--until"))
    if scope.since_us is not None and scope.until_us is not None and scope.since_us >= scope.until_us:
        raise InvalidDeclaration(f"--until {until} is not after --since {since}.", "The period is from --since to before --until.")
    if out.exists() and not force:
        raise InvalidDeclaration(f"{out} is there already.", "Name another file, or pass --force to replace it.")
    with open_named(out) as target:
        made = packed(Departments.here(make=False), scope, target, render.note)
    if as_json:
        render.as_json({"file": str(out), **made.as_json()})
        return
    records, files = counted(made.size, "record"), counted(made.files, "file")
    render.line(f"{out}: {made.scope}, {made.records:,} of {records}, {files}, {made.length:,} bytes")
    for why, count in made.left_out.items():
        render.note(f"Left out, {count} that records name: {why}.")
    render.note("Whoever gets it runs: python verify.py PACK --trust FILE")


def _moment(text: str | None, option: str) -> int | None:
    """A moment in microseconds; a time without a zone is UTC."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidDeclaration(f"{option} {text!r} is not a time.", "Write 2026-01-31 or 2026-01-31T08:00.") from error
    zoned = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return int(zoned.timestamp() * 1_000_000)
