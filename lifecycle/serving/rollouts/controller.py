"""When a rollout goes on and when it is undone: a pure decision over counts and time.

The layers, in the order in which they are asked:
1. the canary's process died: out;
2. the breaker: so many failures in a row, in any worker: out;
3. the guardrails: evidence that the canary does worse than the champion beside it (anytime-valid, see
   `measures.eprocess`). Where no champion takes traffic beside it (a first version, the last step) there is no control,
   and the canary is held against a fixed share of bad events instead. A guardrail's alpha is split evenly over the two;
4. enough answered and baked long enough: the next step, or the end, where the plan promotes by itself or a person said so.

Nothing in here looks at a clock or a file.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lifecycle.measures.eprocess import BadEvents, log_evidence_of_share, log_evidence_of_split, log_threshold
from lifecycle.records.bodies.serving import Trigger
from lifecycle.records.rollout import Guardrail, RolloutPlan

#: A guardrail does not act on fewer bad events than this, however long the odds: two may share one cause.
FEWEST_EVENTS = 3
#: Without a control, this share of bad events is still taken for normal.
CEILING_WITHOUT_CONTROL = 0.02


@dataclass(frozen=True, slots=True)
class Observed:
    """What one arm was asked in a stage, and how much of it went wrong."""

    requests: int = 0
    errors: int = 0
    slow: int = 0


@dataclass(frozen=True, slots=True)
class StageCounts:
    """One step's share of the traffic, and what both arms made of it."""

    weight: float
    canary: Observed
    control: Observed


@dataclass(frozen=True, slots=True)
class View:
    """All that the controller looks at. The last of `stages` is the step that the rollout is in."""

    stages: Sequence[StageCounts]
    baked_seconds: float
    consecutive_errors: int
    has_champion: bool
    #: How the canary's process ended, if it did.
    death: str = ""
    #: Whether a person has said that it may be the champion, where the plan leaves that to one.
    promoted: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing to do yet."""


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


def decide(plan: RolloutPlan, view: View) -> Verdict:
    """What to do about a rollout that has been seen like this."""
    if view.death:
        return Undo(Trigger(kind="crash", metric="process", value=None, limit=None, detail=view.death))
    if plan.breaker and view.consecutive_errors >= plan.breaker:
        detail = f"{view.consecutive_errors} failures in a row"
        return Undo(
            Trigger(kind="guardrail", metric="breaker", value=float(view.consecutive_errors), limit=float(plan.breaker), detail=detail)
        )
    for guardrail in plan.guardrails:
        breach = breached(guardrail, view)
        if breach is not None:
            return Undo(breach)
    step, current = len(view.stages) - 1, view.stages[-1].canary
    if current.requests - current.errors < plan.steps[step].minimum_n or view.baked_seconds < plan.steps[step].bake_seconds:
        return Hold()
    if step < len(plan.steps) - 1:
        return Advance(step + 1)
    return Complete() if plan.promotes_itself or view.promoted else Hold()


def breached(guardrail: Guardrail, view: View) -> Trigger | None:
    """The trigger of a rollback where the evidence against this guardrail has passed its threshold."""
    split: list[BadEvents] = []
    alone_bad = alone_total = 0
    for stage in view.stages:
        canary, control = bad_events(guardrail, stage.canary), bad_events(guardrail, stage.control)
        if view.has_champion and stage.weight < 1.0:
            split.append(BadEvents(stage.weight, canary, control))
        else:
            alone_bad, alone_total = alone_bad + canary, alone_total + stage.canary.requests
    limit = log_threshold(guardrail.alpha / 2)
    evidence = -math.inf
    compared = sum(stage.canary for stage in split)
    if compared >= FEWEST_EVENTS:
        evidence = log_evidence_of_split(split)
    if alone_bad >= FEWEST_EVENTS:
        evidence = max(evidence, log_evidence_of_share(min(alone_bad, alone_total), alone_total, CEILING_WITHOUT_CONTROL))
    if evidence < limit:
        return None
    requests = sum(stage.canary.requests for stage in view.stages)
    detail = f"{compared + alone_bad} of {requests} canary requests, beside {sum(stage.control for stage in split)} in the control"
    return Trigger(kind="guardrail", metric=guardrail.kind, value=round(evidence, 3), limit=round(limit, 3), detail=detail)


def bad_events(guardrail: Guardrail, observed: Observed) -> int:
    """What this guardrail counts as a bad event."""
    return observed.errors if guardrail.kind == "errors" else observed.slow
