"""`lifecycle ledger erase` and `hold`: what is kept of somebody goes, unless it is held."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lifecycle.cli import render

if TYPE_CHECKING:
    from lifecycle.life.keeping.erasure import Erasure


class NumberedRows(click.ParamType[tuple[str, tuple[int, ...]]]):
    """`MODEL:N,N`: rows of the newest dataset version of a model, by their numbers."""

    name = "MODEL:N,N"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, tuple[int, ...]]:
        model, colon, listed = value.partition(":")
        numbers = listed.split(",")
        if not (model and colon and all(number.isascii() and number.isdigit() and len(number) < 16 for number in numbers)):
            self.fail(f"{value!r} names no rows; write MODEL:N,N such as credit:17,203.", param, ctx)
        return model, tuple(int(number) for number in numbers)


@click.command(short_help="Erase what is kept of somebody; every proof still holds.")
@click.argument("subject", required=False)
@click.option("--reason", required=True, metavar="TEXT", help="Why it is erased; stands in the ledger, so name nobody in it.")
@click.option(
    "--rows",
    multiple=True,
    type=NumberedRows(),
    metavar="MODEL:N,N",
    help="Rows of the newest dataset version of MODEL by their numbers, and the same rows of its other versions.",
)
@click.option("--dry-run", is_flag=True, help="Show what would go, and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print what was erased as JSON.")
def erase(subject: str | None, reason: str, rows: tuple[tuple[str, tuple[int, ...]], ...], dry_run: bool, as_json: bool) -> None:
    """Erase everything that is kept of SUBJECT, for good.

    SUBJECT is the id of a person in the registry, a caller's own id of a request, the `subject` that a caller named in the
    parameters of requests, or a value of the column that a dataset declares as its subject. Rows of datasets without such a
    column are named by --rows.

    The values and their salts leave the database, its write-ahead log, the prediction log, the artifact store and its cache.
    Commitments, leaves and rows of predictions stay, and every proof with them; SubjectErased records what went and names
    nobody. What was interrupted is finished by running this again. A legal hold refuses it with exit code 3.
    """
    from lifecycle.life.keeping.erasure import erase as erase_subject
    from lifecycle.wiring import Departments

    if subject is None and not rows:
        raise click.UsageError("Say whom to erase: SUBJECT, --rows MODEL:N,N, or both.")
    done = erase_subject(Departments.here(), subject, rows=rows, reason=reason, dry_run=dry_run)
    if as_json:
        render.as_json(_as_json(done))
    else:
        _show(done)


def _as_json(done: Erasure) -> dict[str, object]:
    return {
        "erasure_id": done.erasure_id,
        "dry_run": done.dry_run,
        "openings": done.openings,
        "predictions": done.predictions,
        "datasets": [{"dataset": rows.dataset, "dataset_digest": rows.dataset_digest, "rows": list(rows.rows)} for rows in done.datasets],
        "person": done.person,
        "indexes": list(done.indexes),
        "finished": list(done.finished),
        "beyond_reach": list(done.beyond_reach),
    }


def _show(done: Erasure) -> None:
    for finished in done.finished:
        render.line(f"Finished the erasure {finished}, which had been interrupted.")
    if done.erasure_id is None and not done.dry_run:
        return
    rows: list[tuple[str, str | None, int]] = [
        ("values of events", None, done.openings),
        ("what was asked of predictions", None, done.predictions),
        *((f"rows of {found.dataset}", render.short(found.dataset_digest), len(found.rows)) for found in done.datasets),
        ("name and addresses in the registry", None, 1 if done.person else 0),
    ]
    render.table(("would go" if done.dry_run else "gone", "dataset version", "how many"), [row for row in rows if row[2]])
    if done.indexes:
        told = ", ".join(str(index) for index in done.indexes)
        render.line(f"Erasure {done.erasure_id}, in the ledger at {told}. Every proof still holds.")
    render.line("Out of reach of this command:")
    for place in done.beyond_reach:
        render.line(f"  – {place}")


@click.group(short_help="Place, release and list legal holds.")
def hold() -> None:
    """Keep what may have to be shown from being pruned or erased, until the hold is released."""


@hold.command(short_help="Hold what goes by a name, or everything.")
@click.argument("name", required=False)
@click.option("--everything", is_flag=True, help="Hold everything in this ledger.")
@click.option("--reason", required=True, metavar="TEXT", help="Why; stands in the ledger.")
@click.option("--json", "as_json", is_flag=True, help="Print the id and what is held as JSON.")
def place(name: str | None, everything: bool, reason: str, as_json: bool) -> None:
    """Hold NAME: a model, a dataset, a person, or a subject as `erase` takes it. Prints the id that releases the hold, and what
    goes by that name now.

    A name that the ledger does not have anyway stands in it under a commitment, like any personal value.
    """
    from lifecycle.life.keeping.held import held_now
    from lifecycle.life.keeping.holding import place_hold
    from lifecycle.wiring import Departments

    if (name is None) == (not everything):
        raise click.UsageError("Name one thing to hold, or say --everything.")
    departments = Departments.here()
    departments.require_ledger()
    held = None if name is None else held_now(departments, name)
    hold_id = place_hold(departments, name, reason=reason)
    if as_json:
        render.as_json({"hold_id": hold_id, "name": name, "holds": None if held is None else held.as_json()})
    else:
        render.line(hold_id)
    if held is None:
        render.note("It holds everything in this ledger, and what comes.")
    elif held.anything:
        render.note(f"It holds {held}, and what comes under that name.")
    else:
        render.note(f"Nothing in this ledger goes by {name!r} yet: it holds what comes. If that is misspelt, release it.")


@hold.command(short_help="Release a hold.")
@click.argument("hold_id", metavar="HOLD")
@click.option("--reason", required=True, metavar="TEXT", help="Why; stands in the ledger.")
@click.option("--json", "as_json", is_flag=True, help="Print the id of what was released as JSON.")
def release(hold_id: str, reason: str, as_json: bool) -> None:
    """Release the hold with the id HOLD. What its retention has passed can be pruned again from now on."""
    from lifecycle.life.keeping.holding import release_hold
    from lifecycle.wiring import Departments

    release_hold(Departments.here(), hold_id, reason=reason)
    if as_json:
        render.as_json({"hold_id": hold_id, "released": True})
    else:
        render.line(f"The hold {hold_id} is released.")


@hold.command(name="list", short_help="List the holds in force.")
@click.option("--json", "as_json", is_flag=True, help="Print the holds as JSON.")
def list_(as_json: bool) -> None:
    """List the holds in force, and what each is on."""
    from lifecycle.life.keeping.holding import holds_of
    from lifecycle.wiring import Departments

    holds = holds_of(Departments.here(make=False))
    if as_json:
        listed = [
            {"hold_id": held.hold_id, "name": held.name, "reason": held.reason, "placed_at_us": held.placed_at_us, "index": held.index}
            for held in holds
        ]
        render.as_json(listed)
        return
    rows = [(held.hold_id, held.name or "everything", render.moment(held.placed_at_us), held.index, held.reason) for held in holds]
    render.table(("hold", "on", "since", "record", "reason"), rows, empty="Nothing is held.")
