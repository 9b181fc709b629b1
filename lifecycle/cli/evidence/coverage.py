"""`lifecycle evidence coverage`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lifecycle.cli import render
from lifecycle.cli.options import require_model
from lifecycle.records.counted import counted

if TYPE_CHECKING:
    from lifecycle.evidence.controls import Framework
    from lifecycle.evidence.coverage import Coverage, Covered
    from lifecycle.wiring import Departments


@click.command(short_help="Show which clauses the ledger holds evidence for, and which are gaps.")
@click.option("--model", help="What speaks to this model; everything that the ledger holds unless it is given.")
@click.option("--version", "number", type=click.IntRange(min=1), help="What speaks to this version of the model.")
@click.option("--framework", "names", multiple=True, help="Only this text, such as eu_ai_act. May be given several times.")
@click.option("--gaps", is_flag=True, help="Only the gaps, with what would close them.")
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON.")
def coverage(model: str | None, number: int | None, names: tuple[str, ...], gaps: bool, as_json: bool) -> None:
    """Show, clause by clause, what the ledger holds as evidence (by record) and what is a gap (why, and what would close it).

    The clauses stand in governance/controls/frameworks, in our own words. Evidence means that something speaks to the clause;
    whether it is enough is for its reader to judge, and what it leaves open stands beside it.
    """
    found = _covered(model, number, names)
    if as_json:
        render.as_json(found.as_json())
        return
    for framework in found.frameworks:
        listed = [covered for covered in found.clauses if covered.framework is framework and (covered.status == "gap" or not gaps)]
        clauses = found.counted(framework)
        rows = [_row(covered) for covered in listed]
        heading = f"{framework.title}: {clauses['evidence']} with evidence, {counted(clauses['gap'], 'gap')}"
        render.table(("clause", "about", "status", "records", "gap and what closes it, or what is left open"), rows, title=heading)
        render.note(f"{framework.source}. Applies from {framework.applies_told}. {framework.remark}")
    about = "" if model is None else f", about {model}" if number is None else f", about {model}:{number}"
    render.line(f"Read from {counted(found.size, 'record')} of the ledger{about}. `lifecycle ledger show RECORD` shows one.")


def _row(covered: Covered) -> tuple[str, str, str, str | None, str | None]:
    from lifecycle.evidence.coverage import ranges

    records = ranges(covered.indexes) + (", …" if any(shown.more for shown in covered.shown) else "")
    return covered.clause.id, covered.clause.title, covered.status, records or None, covered.told


def _covered(model: str | None, number: int | None, names: tuple[str, ...]) -> Coverage:
    from lifecycle.evidence.coverage import coverage as hold_against
    from lifecycle.wiring import Departments

    require_model(model, number)
    departments = Departments.here(make=False)
    return hold_against(departments.ledger, frameworks_here(departments, names), model, number)


def frameworks_here(departments: Departments, names: tuple[str, ...]) -> tuple[Framework, ...]:
    """The project's maps; all of them, or those of these names."""
    from lifecycle.evidence.controls import framework_named, read_frameworks

    frameworks = read_frameworks(departments.settings.project / "governance" / "controls")
    return tuple(framework_named(frameworks, name) for name in dict.fromkeys(names)) if names else frameworks
