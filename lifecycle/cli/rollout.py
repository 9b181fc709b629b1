"""`lifecycle rollout`: how far a rollout is, what it has shown, and the end of one that is left to a person."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lifecycle.cli import render
from lifecycle.cli.options import STANDING_FILE

if TYPE_CHECKING:
    from lifecycle.serving.rollouts.status import RolloutStatus


@click.group()
def rollout() -> None:
    """Show and compare a rollout, and promote or end one that its plan leaves to a person: an A/B test, or a shadow.

    A canary and a blue-green rollout need nobody: the gateway promotes them after their last step, and takes out what does
    worse. `lifecycle rollback` takes any version out for cause.
    """


@rollout.command(short_help="Show the rollout of a model that is under way.")
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for programs.")
def show(model: str, as_json: bool) -> None:
    """Show the rollout of MODEL that is under way: which version, in which step, with which share, and how its guardrails stand.

    A guardrail weighs the bad events of the version against those of the champion beside it. The evidence is a natural logarithm: it is
    0 or less where nothing speaks against the version, and takes it out where it reaches the last column.
    """
    from lifecycle.life.concluding import rollout_under_way
    from lifecycle.wiring import Departments

    departments = Departments.here(make=False)
    _print(rollout_under_way(departments, departments.model(model)), as_json)


@rollout.command(short_help="Compare a version with the champion beside it, on live traffic.")
@click.argument("model", metavar="MODEL[:VERSION]")
@click.option("--step", type=click.IntRange(min=1), metavar="N", help="The step to look at, from 1; else the newest that compares them.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def compare(model: str, step: int | None, as_json: bool) -> None:
    """Compare the version that a rollout of MODEL brought with the champion beside it: what callers of each were told, and what of it
    turned out to be true, for everybody and for each protected group.

    It is the newest rollout, under way or over, unless a version is named. A shadow is compared request by request, with what callers
    were told. After a promotion with a hold-out it is what the promotion has changed. Reads the prediction log as it lies here:
    `lifecycle ledger verify` holds that against what was sealed.

    An interval (95 %) is for one look, at the end that the step declares. Who looks each day finds a difference where there is none.
    """
    from lifecycle.cli.compared import show_compared
    from lifecycle.life.comparing import compare_rollout
    from lifecycle.life.gates import standing
    from lifecycle.wiring import Departments

    name, version = standing.parse_version(model) if ":" in model else (model, None)
    departments = Departments.here(make=False)
    declared = departments.model(name)
    found = compare_rollout(departments, declared, version, step)
    if as_json:
        render.as_json({"model": declared.name, **found.as_json()})
    else:
        show_compared(declared, found)


@rollout.command(short_help="Make the version in an A/B test, or a shadow, the champion.")
@click.argument("model")
@click.option("--as", "person", required=True, metavar="PERSON", help="Who says so: an enrolled person's id. It is recorded.")
@click.option(
    "--key", type=STANDING_FILE, help="Their private key, with which they sign it. Only in the environment `local` nobody has to."
)
@click.option("--reason", required=True, metavar="TEXT", help="Why; it is signed with the rest and stands in the ledger.")
@click.option("--json", "as_json", is_flag=True, help="Print how it ended as JSON.")
def promote(model: str, person: str, key: Path | None, reason: str, as_json: bool) -> None:
    """Make the version of MODEL that is in an A/B test, or a shadow, the champion.

    The gateway does so once its step has answered its minimum and baked, and not before. In the environment `local` anybody who is
    enrolled may say so; elsewhere the roles `risk` and `operator`, and never somebody who had a part in the version. Ends with 3 for
    whoever may not.
    """
    from lifecycle.life.concluding import promote_by_hand
    from lifecycle.wiring import Departments

    departments = Departments.here()
    _print(promote_by_hand(departments, departments.model(model), by=person, reason=reason, key_file=key), as_json)


@rollout.command(short_help="End a rollout without judging its version.")
@click.argument("model")
@click.option("--as", "person", metavar="PERSON", help="Who says so: an enrolled person's id. Only in `local` nobody has to.")
@click.option("--key", type=STANDING_FILE, help="Their private key, with which they sign it.")
@click.option("--reason", required=True, metavar="TEXT", help="Why; it is signed with the rest and stands in the ledger.")
@click.option("--json", "as_json", is_flag=True, help="Print how it ended as JSON.")
def end(model: str, person: str | None, key: Path | None, reason: str, as_json: bool) -> None:
    """End the rollout of MODEL without judging its version: the champion answers everybody, and it may be deployed again.

    In the environment `local` anybody may say so; elsewhere the roles `risk` and `operator`, or the model's owner. Ends with 3 for
    whoever may not.
    """
    from lifecycle.life.concluding import end_by_hand
    from lifecycle.wiring import Departments

    departments = Departments.here()
    _print(end_by_hand(departments, departments.model(model), reason=reason, by=person, key_file=key), as_json)


def _print(found: RolloutStatus, as_json: bool) -> None:
    if as_json:
        render.as_json(found.as_json())
        return
    version = f"{found.model}:{found.version}"
    if found.state == "completed":
        render.line(f"{version} serves.")
    elif found.state == "aborted":
        render.line(f"The rollout of {version} has ended: {found.reason}")
    else:
        render.line(f"{version}: {how_far(found)}.")
        show_more(found)


def how_far(found: RolloutStatus) -> str:
    """The state of a rollout under way, its step and its share, in words."""
    share = f"{found.weight:.0%} of the requests, copied to it" if found.copies else f"{found.weight:.0%} of the traffic"
    of = "" if found.progress is None else f" of {found.progress.steps}"
    return f"{found.state}, step {found.step + 1}{of}, {share}"


def show_more(found: RolloutStatus) -> None:
    """Prints what a rollout under way waits for, and how its guardrails stand."""
    if found.progress is not None:
        render.line(f"In this step: {found.progress.says()}.")
        if found.progress.done and not found.reason:
            render.line(f"A person promotes or ends it: `lifecycle rollout promote {found.model}`, or `end`.")
    if found.reason:
        render.line(f"It is held: {found.reason}.")
    show_guardrails(found)


def show_guardrails(found: RolloutStatus) -> None:
    """Prints what each guardrail of a rollout has counted, and how far it is from taking the version out; nothing before the first look."""
    if not found.guardrails:
        return
    render.table(
        ("guardrail", "bad here", "of", "bad beside", "of", "evidence", "out at"),
        [
            (
                rail.guardrail,
                rail.canary_bad,
                rail.canary,
                rail.control_bad,
                rail.control,
                f"{rail.log_evidence:.2f}",
                f"{rail.log_limit:.2f}",
            )
            for rail in found.guardrails
        ],
    )
