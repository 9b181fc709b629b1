"""`lifecycle policy explain`, `replay` and `backtest`: decisions that were taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from lifecycle.cli import render
from lifecycle.cli.options import MOMENT, in_us
from lifecycle.errors import Tampered, Unavailable
from lifecycle.records.counted import counted

if TYPE_CHECKING:
    from lifecycle.life.checking.replaying import Flip, Past
    from lifecycle.policy.retaking import Retaken
    from lifecycle.wiring import Departments

TakenT = TypeVar("TakenT")

#: From so many decisions on their progress is shown.
_LONG = 500


@click.command(short_help="Say why a decision went as it did.")
@click.argument("decision_id", metavar="DECISION")
@click.option("--json", "as_json", is_flag=True, help="Print the whole decision as JSON.")
def explain(decision_id: str, as_json: bool) -> None:
    """Show DECISION rule by rule: what was observed against which limit, and what would have to change.

    DECISION is its id, or its index in the ledger as `lifecycle ledger log --type DecisionMade` lists it.
    """
    from lifecycle.life.gates.asking import decision_event
    from lifecycle.life.gates.standing import body_of
    from lifecycle.records.bodies.decisions import DecisionMade

    decision = body_of(decision_event(_here(), decision_id), DecisionMade).decision
    if as_json:
        render.as_json(decision.as_json())
        return
    subject, result = decision.input.subject, decision.result
    render.line(
        f"{decision.gate} of {subject.name}{f':{subject.version}' if subject.version else ''} in {decision.input.target.environment}"
    )
    render.table(
        ["outcome", "engine", "bundle", "taken in"],
        [
            [
                result.outcome,
                f"{decision.policy.engine} {decision.policy.engine_version}",
                render.short(decision.policy.bundle_digest),
                f"{decision.decided_in_us / 1000:.1f} ms",
            ]
        ],
    )
    failures = [*result.violations, *result.warnings, *result.waived]
    render.table(
        ["rule", "severity", "what", "of", "observed", "limit", "what to do"],
        [
            [
                found.rule,
                found.severity,
                found.message,
                found.subject,
                render.measured(found.observed),
                render.measured(found.limit),
                found.fix,
            ]
            for found in failures
        ],
        empty="No rule found anything.",
    )
    if decision.logged_as is not None:
        render.line(f"In the decision log of the OPA server: {decision.logged_as}.")
    if result.waived:
        render.line(f"Waived: {', '.join(dict.fromkeys(found.rule for found in result.waived))}.")
    passed = sorted(set(result.evaluated) - {found.rule for found in failures})
    render.line(f"Passed: {', '.join(passed) or 'none'}.")


@click.command(short_help="Take past decisions again, and compare.")
@click.argument("decision_id", metavar="[DECISION]", required=False)
@click.option("--all", "everything", is_flag=True, help="Every decision in the ledger.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def replay(ctx: click.Context, decision_id: str | None, everything: bool, as_json: bool) -> None:
    """Take DECISION (its id, or its index in the ledger), or --all of them, again from its stored input and its stored bundle.

    Identical means: the same verdict, the same rules failed, the same obligations. Ends with 0 only where every decision
    is identical, with 4 where one is different, with 5 where one could not be taken again (and says why: that is never
    counted as fine).
    """
    from lifecycle.life.checking.replaying import one_decision, past_decisions, replayed
    from lifecycle.policy.retaking import OUTCOMES

    if (decision_id is None) == (not everything):
        raise click.UsageError("Name one DECISION, or pass --all.")
    departments = _here()
    past = iter((one_decision(departments, decision_id),)) if decision_id is not None else past_decisions(departments)
    taken = list(_with_progress(replayed(departments, past), "Taking decisions again"))
    counts = Counter(retaken.outcome for _, retaken in taken)
    if as_json:
        found = {name: counts[name] for name in OUTCOMES}
        render.as_json({**found, "decisions": [_retaken_as_json(one, retaken) for one, retaken in taken]})
    else:
        _show_retaken(taken)
    if counts["different"]:
        ctx.exit(Tampered.exit_code)
    if counts["not_replayable"]:
        ctx.exit(Unavailable.exit_code)


@click.command(short_help="Show what a draft policy would have decided.")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--since", type=MOMENT, help="Only decisions from this time on (UTC).")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def backtest(folder: Path, since: datetime | None, as_json: bool) -> None:
    """Ask the draft policies in DIR every question that was ever asked here, and show which decisions would flip.

    DIR is laid out like governance/, with policies/ and limits/. A draft that changes nothing gives an empty table. Who signed
    over the policies that decided counts as having signed over the draft. For each decision that flips: the rules that fail
    now or no more, and how many predictions rest on it.
    """
    from lifecycle.life.checking.replaying import flips, past_decisions, predictions_by_decision
    from lifecycle.policy.bundle import Bundle

    departments = _here()
    draft = Bundle.load(folder)
    since_us = 0 if since is None else in_us(since)
    taken = list(_with_progress(flips(past_decisions(departments, since_us=since_us), draft), "Asking the draft"))
    flipped = [(one, flip) for one, flip in taken if flip is not None]
    served = predictions_by_decision(departments) if flipped else {}
    if as_json:
        render.as_json(
            {
                "draft": draft.digest,
                "decisions": len(taken),
                "flips": [_flip_as_json(one, flip, served) for one, flip in flipped],
                "models": sorted({one.subject for one, _ in flipped}),
                "predictions": sum(served.get(one.decision.id, 0) for one, _ in flipped),
            }
        )
        return
    rows = [
        (
            one.index,
            one.decision.gate,
            one.subject,
            f"{flip.was} → {flip.would_be}",
            flip.failure or _changes(flip),
            served.get(one.decision.id, 0),
        )
        for one, flip in flipped
    ]
    columns = ("record", "gate", "of", "would flip", "because", "predictions")
    render.table(columns, rows, empty=f"Not one of {counted(len(taken), 'decision')} would flip.")
    if flipped:
        models = sorted({one.subject for one, _ in flipped})
        render.line(f"{len(flipped):,} of {counted(len(taken), 'decision')} would flip, of {', '.join(models)}.")


def _with_progress(taken: Iterable[TakenT], what: str) -> Iterator[TakenT]:
    """The same, with a count on standard error where it takes long and somebody looks."""
    for done, one in enumerate(taken, start=1):
        if done % _LONG == 0:
            render.note(f"{what}: {done:,} so far.")
        yield one


def _changes(flip: Flip) -> str:
    parts = [("fails", flip.fails_now), ("fails no more", flip.fails_no_more)]
    return "; ".join(f"{', '.join(rules)} {what}" for what, rules in parts if rules) or "what people must approve"


def _flip_as_json(one: Past, flip: Flip, served: dict[str, int]) -> dict[str, object]:
    decision = one.decision
    return {
        "decision": decision.id,
        "ledger_index": one.index,
        "gate": decision.gate,
        "model": decision.input.subject.name,
        "version": decision.input.subject.version,
        "name": one.subject,
        "was": flip.was,
        "would_be": flip.would_be,
        "fails_now": list(flip.fails_now),
        "fails_no_more": list(flip.fails_no_more),
        "failure": flip.failure,
        "predictions": served.get(decision.id, 0),
    }


def _retaken_as_json(one: Past, retaken: Retaken) -> dict[str, object]:
    return {
        "decision": one.decision.id,
        "ledger_index": one.index,
        "gate": one.decision.gate,
        "of": one.subject,
        "outcome": retaken.outcome,
        "difference": list(retaken.difference),
        "why": retaken.why,
    }


def _show_retaken(taken: list[tuple[Past, Retaken]]) -> None:
    from lifecycle.policy.retaking import OUTCOMES

    wrong = [(one, retaken) for one, retaken in taken if retaken.outcome != "identical"]
    rows = [
        (one.index, one.decision.gate, one.subject, retaken.outcome.replace("_", " "), "; ".join(retaken.difference) or retaken.why)
        for one, retaken in wrong
    ]
    if rows:
        render.table(("record", "gate", "of", "outcome", "how"), rows)
    counts = Counter(retaken.outcome for _, retaken in taken)
    told = ", ".join(f"{counts[name]} {name.replace('_', ' ')}" for name in OUTCOMES)
    render.line(f"{counted(len(taken), 'decision')} taken again: {told}.")


def _here() -> Departments:
    from lifecycle.wiring import Departments

    return Departments.here(make=False)
