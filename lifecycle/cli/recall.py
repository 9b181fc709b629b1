"""`lifecycle recall`: what a version that was taken out told callers, asked again of the version that serves now."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lifecycle.cli import render
from lifecycle.cli.options import MOMENT, in_us, open_named
from lifecycle.records.counted import counted

if TYPE_CHECKING:
    from lifecycle.life.recall import Recall, Recalled

#: So many decisions that differ are shown; `--out` and `--json` have all.
_SHOWN = 20


@click.command(short_help="Ask again what a version that was taken out decided.")
@click.argument("version")
@click.option("--since", type=MOMENT, help="Only decisions from this time on (UTC); all without it.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the decisions that differ to a .csv or .parquet file. It says whom they are about, where callers said so.",
)
@click.option("--all", "everything", is_flag=True, help="With --out: write every decision of the version.")
@click.option("--json", "as_json", is_flag=True, help="Print the record and every decision as JSON.")
def recall(version: str, since: datetime | None, out: Path | None, everything: bool, as_json: bool) -> None:
    """List every decision that VERSION (such as credit:7) told callers, ask the version that serves now the same, and export those
    that it decides otherwise.

    For a version that was taken out: one that serves is refused (3). Each row is held against what was sealed, and answered again by
    the signed bytes of what serves, of the values that were kept. What was erased can't be asked again and is counted so. The
    figures stand in the ledger afterwards, with the digest of the list. Ends with 4 where a row was altered, and with 5 where sealed
    rows are not in this home: the list is not whole then.
    """
    from lifecycle.life.gates.standing import parse_version
    from lifecycle.life.recall import recall_version
    from lifecycle.wiring import Departments

    if out is not None and out.suffix not in (".csv", ".parquet"):
        raise click.UsageError("--out names a file that ends with .csv or .parquet.")
    if everything and out is None:
        raise click.UsageError("--all goes with --out FILE.")
    model, number = parse_version(version)
    since_us = None if since is None else in_us(since)
    found = recall_version(Departments.here(), model, number, since_us=since_us)
    if out is not None:
        _write(out, found.decisions if everything else found.differing)
    if as_json:
        from lifecycle.life.recall_export import as_rows

        render.as_json({"record": found.recorded.as_json(), "decisions": as_rows(found.decisions)})
    else:
        _show(version, found, out)
    found.require_whole()


def _write(out: Path, decisions: tuple[Recalled, ...]) -> None:
    from lifecycle.life.recall_export import as_csv, as_parquet

    content = as_csv(decisions) if out.suffix == ".csv" else as_parquet(decisions)
    with open_named(out) as file:
        Path(file.name).chmod(0o600)
        file.write(content)


def _show(version: str, found: Recall, out: Path | None) -> None:
    body = found.body
    by = "nothing, for no version serves" if body.by_version is None else f"version {body.by_version}, which serves now"
    again = counted(body.rescored, "was", "were")
    render.line(f"{version} told callers {counted(body.decisions, 'decision')}; {again} asked again of {by}.")
    for count, what in (
        (body.erased, "could not be: what was asked was erased"),
        (body.altered, "could not be: the row, or what was asked, is not what was sealed"),
        (body.not_taken, "could not be: nothing serves now that takes what was asked"),
        (body.unread, "more were sealed, and are not in this home"),
    ):
        if count:
            render.line(f"{count:,} {what}.")
    rows = [
        (one.told.row.id, render.moment(one.told.row.at_us), *_said(one), (one.told.asked or {}).get("request_id"))
        for one in found.differing[:_SHOWN]
    ]
    if body.decisions:
        render.table(
            ("prediction", "when", "told", "now", "the caller's id"),
            rows,
            title=f"{body.differing:,} would be another decision now",
            empty="None of those asked again would be another decision now." if body.rescored else "What they would be now is not known.",
        )
    if body.differing > len(rows) and out is None:
        render.note(f"The first {len(rows)} are shown: --out FILE writes all.")
    if out is not None:
        render.note(f"Written to {out}: it names callers and people, so keep it as you keep those.")
    render.note(f"Record {found.recorded.index}.")


def _said(one: Recalled) -> tuple[str, str]:
    told, now = one.told.row.output, one.now
    assert told is not None  # both sides of a difference were answers
    assert now is not None
    return f"{told.decision} ({told.probability:.3f})", f"{now.decision} ({now.probability:.3f})"
