"""`lifecycle policy test`, `show` and `limits`: the policies as they stand in governance/."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lifecycle.cli import render
from lifecycle.errors import InvalidDeclaration, UnknownName
from lifecycle.records.counted import counted

if TYPE_CHECKING:
    from lifecycle.policy.bundle import Bundle
    from lifecycle.wiring import Departments


@click.command(short_help="Check the policies.")
@click.option("--json", "as_json", is_flag=True, help="Print what was checked as JSON.")
def test(as_json: bool) -> None:
    """Load the policies and limits, ask every gate its canaries, and run opa's checks and the policies' own tests.

    No rule may read what its gate leaves out of the question: the gates are asked with other values in each of these places, and must
    answer the same. With regal on the PATH the policies are linted as well. Ends with 0 only where all of it holds. Without opa on the
    PATH only the first half is done, and that is said.
    """
    from lifecycle.policy.canaries import sing
    from lifecycle.policy.embedded import EmbeddedEngine
    from lifecycle.policy.left_out import read_left_out
    from lifecycle.policy.opa import check_with_opa, lint_with_regal

    governance = _here().settings.project / "governance"
    bundle = _bundle(governance)
    engine = EmbeddedEngine(bundle)
    sing(engine, bundle)
    rules = {rule for gate in bundle.rules.values() for rule in gate}
    if not as_json:
        told = f"{counted(len(bundle.rules), 'gate')} with {counted(len(rules), 'rule')}, limits {', '.join(bundle.limit_sets)}"
        render.line(f"{told}: every canary is answered as known.")
    read = [f"{gate} reads {path}" for gate, path in read_left_out(bundle, engine)]
    if read:
        raise InvalidDeclaration(
            f"What a gate leaves out of the question, a rule of it reads: {'; '.join(read)}.",
            "Take it out of `leaves_out` in the METADATA of the gate's decision.",
        )
    if not as_json:
        render.line("No rule reads what its gate leaves out of the question.")
    checks = (*check_with_opa(governance, bundle), *lint_with_regal(governance))
    if as_json:
        listed = [{"check": check.name, "passed": check.passed, "said": "" if check.passed else check.said} for check in checks]
        limits = list(bundle.limit_sets)
        render.as_json({"revision": bundle.revision, "gates": list(bundle.rules), "rules": len(rules), "limits": limits, "checks": listed})
    else:
        render.table(["check", "passed"], [[check.name, check.passed] for check in checks])
    failed = [check for check in checks if not check.passed]
    for check in failed if not as_json else ():
        render.note(check.said)
    if failed:
        raise InvalidDeclaration(f"{', '.join(check.name for check in failed)} failed.", "Correct what is named above.")


@click.command(short_help="Show the rules of the gates.")
@click.argument("gate", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def show(gate: str | None, as_json: bool) -> None:
    """Show every rule of GATE, or of all gates: what it asks for, how grave it is, and which controls it serves."""
    bundle = _bundle(_here().settings.project / "governance")
    if gate is not None and gate not in bundle.rules:
        raise UnknownName(f"There is no gate {gate!r} here.", f"The gates are {', '.join(bundle.rules)}.")
    shown = {name: rules for name, rules in bundle.rules.items() if gate in (None, name)}
    if as_json:
        render.as_json(
            {"bundle": bundle.digest, "gates": {name: [rule.as_json() for rule in rules.values()] for name, rules in shown.items()}}
        )
        return
    for name, rules in shown.items():
        rows = [[rule.id, rule.severity, rule.title, ", ".join(rule.controls)] for rule in rules.values()]
        render.table(["rule", "severity", "asks that", "controls"], rows, title=name.replace("_", " "))
    render.note(f"bundle {bundle.digest}")


@click.command(short_help="Show the limits in force.")
@click.argument("model", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def limits(model: str | None, as_json: bool) -> None:
    """Show the limits in force for MODEL: those of its risk tier and jurisdiction, with what its declaration overrides.

    Without MODEL, every set as it is, with what it states for single cases. Times in which nothing is deployed stand below.
    """
    from lifecycle.policy.limits import set_named

    departments = _here()
    bundle = _bundle(departments.settings.project / "governance")
    declared = None if model is None else departments.model(model)
    sets = bundle.limit_sets if declared is None else {declared.limits: set_named(bundle.limit_sets, declared.limits)}
    case = {"risk_tier": declared.risk_tier, "jurisdiction": declared.jurisdiction} if declared else {}
    values = {name: one.with_overrides(declared.limit_overrides if declared else {}, **case) for name, one in sets.items()}
    if as_json:
        freezes = {name: [freeze.as_json() for freeze in one.freezes] for name, one in sets.items()}
        cases = {name: [stated.as_json() for stated in one.cases] for name, one in sets.items() if declared is None}
        render.as_json({"limits_digest": bundle.limits_digest, "limits": values, "freezes": freezes, "cases": cases})
        return
    for name, one in sets.items():
        rows = [
            [key, values[name][key], limit.unit, f"{limit.least:g} to {limit.most:g}", limit.description]
            for key, limit in one.in_case(**case).items()
        ]
        render.table(["limit", "value", "unit", "may be overridden", "what it bounds"], rows, title=name)
        for stated in one.cases if declared is None else ():
            render.line(f"{name}, {stated}")
        for freeze in one.freezes:
            where = ", ".join((*freeze.environments, *freeze.jurisdictions)) or "everywhere"
            told = f"{render.moment(freeze.from_us)} to {render.moment(freeze.until_us)}, {where}"
            render.line(f"{name}, nothing is deployed: {told}: {freeze.reason}")


def _here() -> Departments:
    from lifecycle.wiring import Departments

    return Departments.here(make=False)


def _bundle(governance: Path) -> Bundle:
    from lifecycle.policy.bundle import Bundle

    return Bundle.load(governance)
