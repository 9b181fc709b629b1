"""What the guardrails have seen so far: a pure fold over the looks at a rollout. The mathematics stands in `measures.eprocess`.

Each guardrail bets, slot by slot, against "the canary is no worse than the champion beside it". Where no champion takes traffic beside
it (a first version, the last step) it bets against a ceiling instead. All of it is one product, and half of the stake is kept
for faults that begin later, so that no step and no test needs an alpha of its own: the plan's guardrails share it among them, and a
healthy canary is taken out with a probability of at most the mean of their alphas, however long the rollout takes.

Labels come late, and not evenly: they are bet on within the stage in which the answers were given, by what each arm has of them.

A gateway that starts again knows the counts of each step, but not in which slots they came: what was seen before is one slot.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from lifecycle.measures.eprocess import (
    ODDS,
    BadEvents,
    Evidence,
    bets_on_ceiling,
    bets_on_labels,
    bets_on_split,
    bets_on_wrong_labels,
    log_evidence_of_ratio,
    log_threshold,
    onset_prior,
)
from lifecycle.records.bodies.serving import Trigger
from lifecycle.records.rollout import Guardrail, RolloutPlan
from lifecycle.serving.rollouts.rails import Rail, rails_of
from lifecycle.serving.rollouts.seen import Labels, Observed, StageCounts, View

#: Bad events of one arm within this time may have one cause, such as a stall: they count for one.
SLOT_SECONDS = 0.1
#: A guardrail does not act on fewer slots with a bad event of the canary than this, however long the odds.
FEWEST_SLOTS = 3
#: Labels are bet on once each arm has so many more of them: from fewer, next to nothing can be compared.
FEWEST_LABELS = 5
#: Without a control, this share of bad events is still taken for normal; and twice what the control had before, where there was one.
CEILING_WITHOUT_CONTROL = 0.02
#: A rollout is expected to take at least so long; see `onset_prior`.
SHORTEST_SECONDS = 60.0
#: How sure one must be that requests are not split as the route says before a rollout is held.
RATIO_ALPHA = 1e-4
#: A streak of failures trips the breaker where the champion's share of failures makes it less likely than this: one in so many
#: requests may begin one.
STREAK_ALPHA = 1e-7
#: Requests of the champion, and failures among them, that are taken for granted before any are seen.
_PRIOR_REQUESTS, _PRIOR_FAILURES = 5.0, 0.05
_NO_BETS = np.zeros_like(ODDS)


@dataclass(frozen=True, slots=True)
class Watched:
    """One rail's evidence, and in how many slots the canary had a bad event; of labels, how many bad ones it had."""

    evidence: Evidence = field(default_factory=Evidence.none)
    slots: int = 0
    #: The labels that are bet on, by stage.
    told: tuple[Labels, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """How one rail stands: its evidence against the canary, from where on that takes it out, and what it has counted."""

    rail: Rail
    log_evidence: float
    log_limit: float
    counted: Labels


@dataclass(frozen=True, slots=True)
class Watching:
    """What has to be remembered of a rollout from look to look."""

    rails: tuple[Watched, ...] = ()
    #: When it was looked at first, and when the open slot began.
    began: float = -math.inf
    slot_began: float = -math.inf
    #: The counts when the open slot began.
    settled: tuple[StageCounts, ...] = ()
    #: The canary's streak of failures at the last look; the champion's counts then, and when the streak began.
    streak: int = 0
    control: Observed = field(default_factory=Observed)
    before_streak: Observed = field(default_factory=Observed)

    def after(self, plan: RolloutPlan, view: View) -> Watching:
        """With one look more. A look that shows nothing new changes nothing."""
        watching = self._with_streak(view)
        if not watching.rails:
            watching = replace(watching, rails=(Watched(),) * len(rails_of(plan)), began=view.now_seconds, slot_began=view.now_seconds)
        # A failure that causes a look must not end a slot: it would be counted in it, and what the champion fails at in a
        # moment would not. Where failures follow on each other's heels, one of so many makes no difference.
        patience = 2 * SLOT_SECONDS if view.woken else SLOT_SECONDS
        if view.now_seconds - watching.slot_began < patience:
            return watching
        return watching._settled(plan, view)

    def _settled(self, plan: RolloutPlan, view: View) -> Watching:
        expected = max(SHORTEST_SECONDS, sum(step.bake_seconds for step in plan.steps))
        mass = onset_prior(view.now_seconds - self.began, expected) - onset_prior(self.slot_began - self.began, expected)
        came = _came(self.settled, view.stages)
        rails = tuple(
            _after_labels(rail, watched, view, view.labels_of(place), mass)
            if rail.guardrail.on_labels
            else _after_slot(rail.guardrail, watched, view, came, mass)
            for place, (rail, watched) in enumerate(zip(rails_of(plan), self.rails, strict=True))
        )
        return replace(self, rails=rails, slot_began=view.now_seconds, settled=tuple(view.stages))

    def _with_streak(self, view: View) -> Watching:
        control = _summed([stage.control for stage in view.stages])
        # A shorter streak than before is another one, and began after the last look; one that stands still may be the same.
        before = control if not view.consecutive_errors else self.control if view.consecutive_errors < self.streak else self.before_streak
        return replace(self, streak=view.consecutive_errors, before_streak=before, control=control)

    def tripped(self, plan: RolloutPlan, view: View) -> bool:
        """Whether so many failures in a row trip the breaker: not where the champion fails at the same time."""
        if not plan.breaker or view.consecutive_errors < plan.breaker:
            return False
        if not view.has_champion:
            return True
        whole = _summed([stage.control for stage in view.stages])
        share = max(_share_of_failures(whole), _share_of_failures(whole.since(self.before_streak)))
        return view.consecutive_errors * math.log(share) <= math.log(STREAK_ALPHA)

    def breached(self, plan: RolloutPlan, view: View) -> Trigger | None:
        """The trigger of a rollback where the evidence of a guardrail has passed its threshold."""
        for watched, standing in zip(self.rails, self.standings(plan, view), strict=True):
            if watched.slots >= FEWEST_SLOTS and standing.log_evidence >= standing.log_limit:
                rail, counted = standing.rail, standing.counted
                layer = "e-process" if watched.evidence.log_early >= watched.evidence.log_late else "e-CUSUM"
                what = "labelled canary answers" if rail.guardrail.on_labels else "canary requests"
                return Trigger(
                    kind="guardrail",
                    metric=rail.name,
                    value=round(standing.log_evidence, 3),
                    limit=round(standing.log_limit, 3),
                    detail=f"{counted.canary_bad} of {counted.canary} {what}, beside {counted.control_bad} in the control ({layer})",
                )
        return None

    def standings(self, plan: RolloutPlan, view: View) -> tuple[Standing, ...]:
        """How each rail stands; none before the first look."""
        return tuple(
            Standing(rail, watched.evidence.log_value, log_threshold(rail.alpha), _counted_by(rail, place, view))
            for place, (rail, watched) in enumerate(zip(rails_of(plan), self.rails, strict=False))
        )


def _counted_by(rail: Rail, place: int, view: View) -> Labels:
    """What a rail has counted in both arms, over all stages: requests and bad events, or labels and bad ones."""
    if rail.guardrail.on_labels:
        return sum(view.labels_of(place), Labels())
    guardrail = rail.guardrail
    canary, control = _summed([stage.canary for stage in view.stages]), _summed([stage.control for stage in view.stages])
    return Labels(canary.asked, bad_events(guardrail, canary), control.asked, bad_events(guardrail, control))


def split_fails(view: View) -> bool:
    """Whether the arms' requests are not split as the route says: then no evidence that rests on the split can be trusted."""
    counts = [
        (stage.weight, stage.canary.requests, stage.control.requests) for stage in view.stages if stage.weight < 1.0 and view.has_champion
    ]
    return log_evidence_of_ratio(counts) >= log_threshold(RATIO_ALPHA)


def bad_events(guardrail: Guardrail, observed: Observed) -> int:
    """What this guardrail counts as a bad event: `errors` are exceptions, timeouts and invalid outputs; `latency`, slow answers.

    Of a caller whose routing key sticks to the arm, the first one.
    """
    return observed.errors - observed.errors_again if guardrail.kind == "errors" else observed.slow - observed.slow_again


def compared(guardrail: Guardrail, view: View) -> list[BadEvents]:
    """The bad events of the stages in which a champion took traffic beside the canary, by the share that a canary as good has of them.

    That is its share of what both were really asked. But of callers who come again only the first bad event counts, and it comes however
    few of their requests an arm takes: where there are such, a champion without room has no fewer of them.
    """
    return [
        BadEvents(
            min(stage.split, stage.weight) if _come_again(guardrail, stage) else stage.split,
            bad_events(guardrail, stage.canary),
            bad_events(guardrail, stage.control),
        )
        for stage in view.stages
        if view.has_champion and stage.weight < 1.0 and stage.split < 1.0
    ]


def _come_again(guardrail: Guardrail, stage: StageCounts) -> bool:
    return any(arm.errors_again if guardrail.kind == "errors" else arm.slow_again for arm in (stage.canary, stage.control))


def _after_slot(guardrail: Guardrail, watched: Watched, view: View, came: Sequence[StageCounts], mass: float) -> Watched:
    evidence, slots = watched.evidence, watched.slots
    for place, stage in enumerate(came):
        canary, control = bad_events(guardrail, stage.canary), bad_events(guardrail, stage.control)
        # A canary without room has less than its share of requests, and so of bad events: the share bets in its favour. A champion that
        # has answered its rows of this second has less than its own: there the canary's is larger.
        share = max(stage.weight, stage.split) if stage.control.spilled else stage.weight
        if view.has_champion and share < 1.0:
            bets = bets_on_split(BadEvents(share, canary, control))
        else:
            bets = bets_on_ceiling(min(canary, stage.canary.asked), stage.canary.asked, _ceiling(guardrail, view))
        # The prior for a fault that begins now is taken up once, whatever stages the slot reaches over.
        evidence = evidence.after(bets, mass if place == 0 else 0.0)
        slots += canary > 0
    return Watched(evidence, slots)


def _after_labels(rail: Rail, watched: Watched, view: View, labels: Sequence[Labels], mass: float) -> Watched:
    evidence, slots, told = watched.evidence.after(_NO_BETS, mass), watched.slots, [*watched.told]
    for place, (now, stage) in enumerate(zip(labels, view.stages, strict=False)):
        told += [Labels()] * (place + 1 - len(told))
        came = now.since(told[place])
        if view.has_champion and stage.weight < 1.0:
            if min(came.canary, came.control) < FEWEST_LABELS:
                continue
            bets = bets_on_labels(came.canary_bad, came.canary, came.control_bad, came.control)
        elif rail.guardrail.ceiling is not None and came.canary:
            bets = bets_on_wrong_labels(came.canary_bad, came.canary, rail.guardrail.ceiling)
        else:
            continue
        evidence, slots, told[place] = evidence.after(bets, 0.0), slots + came.canary_bad, now
    return Watched(evidence, slots, tuple(told))


def _ceiling(guardrail: Guardrail, view: View) -> float:
    beside = [stage.control for stage in view.stages if view.has_champion and stage.weight < 1.0]
    requests = sum(control.asked for control in beside)
    bad = sum(bad_events(guardrail, control) for control in beside)
    return min(0.5, max(CEILING_WITHOUT_CONTROL, 2.0 * bad / requests if requests else 0.0))


def _came(settled: Sequence[StageCounts], stages: Sequence[StageCounts]) -> list[StageCounts]:
    """What came since the last slot ended, in each stage in which anything can have come."""
    first = max(0, len(settled) - 1)
    since = []
    for place, stage in enumerate(stages[first:], start=first):
        before = settled[place] if place < len(settled) else StageCounts(stage.weight, Observed(), Observed())
        since.append(replace(stage, canary=stage.canary.since(before.canary), control=stage.control.since(before.control)))
    return since


def _share_of_failures(arm: Observed) -> float:
    return (min(arm.errors, arm.asked) + _PRIOR_FAILURES) / (arm.asked + _PRIOR_REQUESTS)


def _summed(arms: Sequence[Observed]) -> Observed:
    return sum(arms, Observed())
