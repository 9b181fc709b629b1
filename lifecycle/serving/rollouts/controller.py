"""When a rollout goes on and when it is undone: a pure decision over counts and time.

The layers, in the order in which they are asked (before them all, the champion answers whatever the canary fails at):
1. the canary's process died: out;
2. the breaker: so many failures in a row, in any worker, that the champion did not share: out;
3. the guardrails: evidence that the canary does worse, from the start or of late (see `guardrails`): out;
4. the split: requests that do not fall to the arms as the route says prove nothing: hold;
5. enough answered, baked long enough and, where nothing would run beside it any more, evidence that it is no worse: the next
   step, or the end where the plan promotes by itself or a person has said so.

Nothing in here looks at a clock or a file.
"""

from __future__ import annotations

from dataclasses import dataclass

from lifecycle.measures.eprocess import log_evidence_of_less, log_evidence_of_no_worse, log_threshold
from lifecycle.records.bodies.serving import Trigger
from lifecycle.records.rollout import Guardrail, NoWorse, RolloutPlan
from lifecycle.serving.rollouts.guardrails import Watching, bad_events, compared, split_fails
from lifecycle.serving.rollouts.seen import View


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing to do yet. `why` is said where neither time nor requests are what is missing."""

    why: str = ""


@dataclass(frozen=True, slots=True)
class Advance:
    """The next step may begin."""

    step: int


@dataclass(frozen=True, slots=True)
class Complete:
    """Every step is done: the canary may become the champion."""


@dataclass(frozen=True, slots=True)
class Undo:
    """Take the canary out, now."""

    trigger: Trigger


Verdict = Hold | Advance | Complete | Undo


def decide(plan: RolloutPlan, view: View, watching: Watching) -> Verdict:
    """What to do about a rollout that is seen like this, after all that was seen of it before (`watching`, this look included)."""
    if view.death:
        return Undo(Trigger(kind="crash", metric="process", value=None, limit=None, detail=view.death))
    if watching.tripped(plan, view):
        detail = f"{view.consecutive_errors} failures in a row"
        return Undo(
            Trigger(kind="guardrail", metric="breaker", value=float(view.consecutive_errors), limit=float(plan.breaker), detail=detail)
        )
    breach = watching.breached(plan, view)
    if breach is not None:
        return Undo(breach)
    step, current = len(view.stages) - 1, view.stages[-1].canary
    if current.asked - current.errors < plan.steps[step].minimum_n or view.baked_seconds < plan.steps[step].bake_seconds:
        return Hold()
    if split_fails(view):
        return Hold("the arms' requests are not split as the route says, so what they show can't be compared")
    last = step == len(plan.steps) - 1
    if last and not (plan.promotes_itself or view.promoted):
        return Hold()
    if plan.no_worse is not None and (last or plan.steps[step + 1].weight == 1.0):
        asked = [guardrail for guardrail in plan.guardrails if not guardrail.on_labels]
        unproven = [guardrail.kind for guardrail in asked if not is_no_worse(plan.no_worse, guardrail, view)]
        if unproven:
            return Hold(f"not enough was answered to show that it does no worse in {', '.join(unproven)}")
    return Complete() if last else Advance(step + 1)


def while_blind(verdict: Verdict, blind: str) -> Verdict:
    """What is done where it is not known what labels say, for this reason ("": it is): a rollout is undone all the same, and goes no
    further.
    """
    if blind and isinstance(verdict, Advance | Complete):
        return Hold(f"what its labels say is not known: {blind}")
    return verdict


def is_no_worse(asked: NoWorse, guardrail: Guardrail, view: View) -> bool:
    """Whether there is evidence that the canary does no worse than asked: than the champion, or than a ceiling; each at half of alpha.

    Against the ceiling, a request that it had no room for is one that it would have answered late: else a canary that stalls would be
    fast, because whoever comes during a stall is answered by the champion.
    """
    limit = log_threshold(asked.alpha / 2)
    requests, bad = sum(stage.canary.asked for stage in view.stages), sum(bad_events(guardrail, stage.canary) for stage in view.stages)
    if guardrail.kind == "latency":
        turned_away = sum(stage.canary.spilled for stage in view.stages)
        requests, bad = requests + turned_away, bad + turned_away
    if log_evidence_of_less(min(bad, requests), requests, asked.ceiling) >= limit:
        return True
    return log_evidence_of_no_worse(compared(guardrail, view), asked.margin_odds) >= limit
