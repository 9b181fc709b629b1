"""`lifecycle train`, `ask`, `deploy` and `rollback`: a model's steps. `train` and `deploy` are jobs, in the history of Dagster's pages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from lifecycle.cli import render
from lifecycle.errors import MalformedRecord, UnknownName

if TYPE_CHECKING:
    from lifecycle.records.gates import Decision


def _definitions() -> Any:
    from lifecycle.definitions import lifecycle_definitions

    return lifecycle_definitions()


@click.command()
@click.argument("model")
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="NAME=JSON",
    help="An option of the training function, such as hidden=[32,16]. May be given again.",
)
@click.option("--seed", type=int, help="The seed; the declared one unless given.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def train(model: str, options: tuple[str, ...], seed: int | None, as_json: bool) -> None:
    """Take MODEL from its data to the promotion gate: ingest, train, evaluate, ask.

    A run that was killed goes on from its last checkpoint when the same is asked for again.
    """
    from lifecycle.launching import require_success, run_job
    from lifecycle.life.gates import standing
    from lifecycle.records.bodies.decisions import DecisionMade
    from lifecycle.wiring import Departments

    departments = Departments.here()
    departments.model(model)
    config: dict[str, Any] = {"options": dict(_option(text) for text in options)}
    if seed is not None:
        config["seed"] = seed
    result = run_job(
        departments, _definitions(), f"{model}_train_to_gate", config={"candidate": config}, log_level="ERROR" if as_json else "INFO"
    )
    made = departments.ledger.events(types=("DecisionMade",), name=model, run_id=result.run_id, newest_first=True, limit=1)
    decided = standing.body_of(made[0], DecisionMade).decision if made else None
    if decided is None or decided.gate != "promotion":
        require_success(result)
        raise UnknownName(f"The run {result.run_id} asked no promotion gate.", "Look at it in Dagster's pages: `lifecycle up`.")
    subject = str(made[0].event.subject)
    if as_json:
        named = render.version_fields(*standing.parse_version(subject))
        render.as_json({**named, "outcome": decided.result.outcome, "decision": decided.id, "run": result.run_id})
    else:
        _show_decision(subject, decided)
    require_success(result)


def _show_decision(version: str, decided: Decision) -> None:
    from lifecycle.life.promotion import next_step

    render.line(f"{version}: {decided.result.outcome} (decision {decided.id})")
    found = [
        (violation.rule, violation.subject, render.measured(violation.observed), render.measured(violation.limit), violation.message)
        for violation in decided.result.violations
    ]
    render.table(("rule", "about", "observed", "limit", "what"), found, empty="Every rule holds.")
    if decided.result.outcome != "deny":
        render.note(f"Next: {next_step(decided, version)}")


def _option(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not separator:
        raise MalformedRecord(f"--option {text!r} has no value.", "Write it as NAME=JSON, such as --option hidden=[32,16].")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


@click.command()
@click.argument("version")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def ask(version: str, as_json: bool) -> None:
    """Put VERSION (such as credit:7) before the promotion gate again, with its evidence as it stands and the policies, limits and
    champion of now.

    For one that was taken out and is to come back, whose request for approvals has expired, or that was judged before a policy, a
    limit or the champion changed. People are asked anew where the gate says so. Ends with 3 where it denies.
    """
    from lifecycle.life.gates import standing
    from lifecycle.life.gates.asking import require_allowed
    from lifecycle.life.promotion import ask_for_promotion
    from lifecycle.life.recording import Step
    from lifecycle.records.identity import new_id
    from lifecycle.wiring import Departments

    departments = Departments.here()
    model, number = standing.parse_version(version)
    decided = ask_for_promotion(departments, departments.model(model), number, Step(run_id=new_id()))
    if as_json:
        render.as_json({**render.version_fields(model, number), "outcome": decided.result.outcome, "decision": decided.id})
    else:
        _show_decision(version, decided)
    if decided.result.outcome == "deny":
        require_allowed(decided, f"The promotion of {version}")


@click.command()
@click.argument("version")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def deploy(version: str, as_json: bool) -> None:
    """Roll VERSION (such as credit:7) out, step by step, if the deployment gate allows it now.

    Its plan says how (canary, blue-green, A/B, shadow). Where that leaves the promotion to a person, this returns once the version
    has its share.
    """
    from lifecycle.launching import require_success, run_job
    from lifecycle.life.gates import standing
    from lifecycle.wiring import Departments

    departments = Departments.here()
    model, number = standing.parse_version(version)
    departments.model(model)
    digest = standing.trained(departments, model, number).event.subject.digest
    result = run_job(
        departments,
        _definitions(),
        f"{model}_deploy",
        config={"deployment": {"digest": digest, "version": number}},
        log_level="ERROR" if as_json else "INFO",
    )
    require_success(result)
    outcome = "serving" if standing.serving_version(departments, model) == number else "rolling_out"
    if as_json:
        render.as_json({**render.version_fields(model, number), "outcome": outcome, "run": result.run_id})
    elif outcome == "serving":
        render.line(f"{version} serves.")
    else:
        render.line(f"{version} has its share. A person promotes or ends it: `lifecycle rollout promote {model}`, or `end`.")


@click.command()
@click.argument("model")
@click.option("--to", "to_version", metavar="VERSION", help="The version to go back to; the last one that served unless given.")
@click.option("--reason", required=True, help="Why. It is recorded.")
@click.option("--json", "as_json", is_flag=True, help="Print what was observed as JSON.")
def rollback(model: str, to_version: str | None, reason: str, as_json: bool) -> None:
    """Take what serves of MODEL back to the last version that was allowed here."""
    from lifecycle.life.gates import standing
    from lifecycle.life.recording import Step
    from lifecycle.life.rollback import roll_back
    from lifecycle.records.identity import new_id
    from lifecycle.wiring import Departments

    departments = Departments.here()
    declared = departments.model(model)
    target = None
    if to_version is not None:
        named, target = standing.parse_version(to_version if ":" in to_version else f"{model}:{to_version}")
        departments.model(named)
    done = roll_back(departments, declared, Step(run_id=new_id()), reason=reason, to_version=target)
    if as_json:
        render.as_json(done.as_json())
    else:
        back_to = f"{model}:{done.to_version} serves" if done.to_version else "no version serves"
        render.line(f"{model}:{done.from_version} is out, {back_to} ({done.actuation_us / 1000:.1f} ms).")
