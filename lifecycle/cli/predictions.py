"""`lifecycle predictions`: what was answered, as files for whoever counts over months, each with what proves it."""

from __future__ import annotations

from pathlib import Path

import click

from lifecycle.cli import render
from lifecycle.cli.options import STANDING_FILE, keys_of_log


@click.group()
def predictions() -> None:
    """Write the sealed predictions as Parquet, and check such a file, wherever it is.

    The rows are those of the prediction log: what was answered, by which version, under which decision, and when. What was asked is
    not among them: it can be erased, and stays where an erasure finds it.
    """


@predictions.command(short_help="Write what is sealed as Parquet, with its proof.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def compact(as_json: bool) -> None:
    """Write every sealed segment that lies in no file yet as Parquet, with its proof; Dagster's job `audit_compaction` does it daily.

    The files lie in the home, in exports/predictions/MODEL/STREAM. A segment whose rows are not those that were sealed goes into
    none and is named; then this ends with 4, once the others are written.
    """
    from lifecycle.life.compaction import compact_predictions
    from lifecycle.wiring import Departments

    departments = Departments.here()
    departments.require_ledger()
    folder = departments.folder("exports/predictions")
    done = compact_predictions(departments, folder)
    if as_json:
        files = [{**one.as_json(), "file": str(folder / one.model / one.stream / one.file)} for one in done.files]
        render.as_json({"files": files, "rows": done.rows, "faults": list(done.faults), "waiting": done.waiting})
    else:
        for one in done.files:
            render.line(f"{folder / one.model / one.stream / one.file}: {one.rows} rows of {len(one.segments)} segments.")
        if not done.files:
            render.note("Nothing was sealed that does not lie in a file yet.")
        if done.waiting:
            render.note(f"{done.waiting} segments wait for a ledger checkpoint that covers their seal.")
    done.require_whole()


@predictions.command(short_help="Hold a file against the proof beside it.")
@click.argument("file", type=STANDING_FILE)
@click.option("--json", "as_json", is_flag=True, help="Print what was proven as JSON.")
@click.option(
    "--trust",
    "trusted",
    type=STANDING_FILE,
    multiple=True,
    metavar="FILE",
    help="The log's key, alone or in a trust file, as you had it before. Without it that of this home is taken.",
)
def check(file: Path, as_json: bool, trusted: tuple[Path, ...]) -> None:
    """Hold a Parquet FILE against the proof beside it: every row is one that was sealed, and none is missing.

    Needs the two files and the log's key, and neither the ledger nor the prediction log. Ends with 4 where anything does not hold.
    """
    from lifecycle.life.compaction_proof import proven_rows

    proven = proven_rows(file, keys_of_log(trusted))
    if as_json:
        told = [one.model_dump(mode="json", include={"segment", "number", "rows", "root"}) for one in proven.segments]
        render.as_json({"model": proven.model, "stream": proven.stream, "rows": proven.rows, "digest": proven.digest, "segments": told})
    else:
        first, last = proven.segments[0].number, proven.segments[-1].number
        render.line(f"{proven.rows} rows of {proven.model}, segments {first} to {last} of stream {proven.stream}.")
        render.line("Each row is one that was sealed, and none of these segments lacks any.")
