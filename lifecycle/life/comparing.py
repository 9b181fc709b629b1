"""What a rollout has shown: the version that it brought beside the champion, on the live traffic of one of its steps.

For whoever is to promote or to end an A/B test or a shadow, and for whoever asks afterwards what a promotion has changed (a hold-out).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lifecycle.declaration import GovernedModel
from lifecycle.errors import Refused, UnknownName
from lifecycle.life.gates import standing
from lifecycle.records.bodies.serving import RolloutCompleted, RolloutRequested, RolloutStepReached
from lifecycle.records.events import Recorded
from lifecycle.records.identity import now_us
from lifecycle.records.record import Id, Microseconds, Version
from lifecycle.records.rollout import Arm, Strategy
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.monitoring.comparing import Row
    from lifecycle.monitoring.comparison import ArmsCompared
    from lifecycle.monitoring.sampled import Sample
    from lifecycle.serving.prediction_log.segments import ModelLog

_ENDS = ("RolloutCompleted", "RolloutAborted")


@dataclass(frozen=True)
class Stretch:
    """A time over which a version and the champion beside it were both asked, or one was asked copies."""

    #: From 1, as people count; None for the hold-out after the promotion.
    step: int | None
    ours: tuple[Arm, Version]
    theirs: tuple[Arm, Version]
    from_us: Microseconds
    to_us: Microseconds
    #: Whether it is over.
    over: bool


@dataclass(frozen=True)
class Compared:
    """One stretch of a rollout, and what it shows."""

    rollout_id: Id
    strategy: Strategy
    stretch: Stretch
    arms: ArmsCompared

    def as_json(self) -> dict[str, object]:
        """For programs."""
        stretch = self.stretch
        return {
            "rollout_id": self.rollout_id,
            "strategy": self.strategy,
            "step": stretch.step,
            "over": stretch.over,
            "from_us": stretch.from_us,
            "to_us": stretch.to_us,
            **self.arms.as_json(),
        }


def compare_rollout(departments: Departments, model: GovernedModel, version: Version | None = None, step: int | None = None) -> Compared:
    """Compares the newest rollout of this model, or of one version of it, in its newest step in which there was something to compare.

    `step`: another one, from 1. Reads the prediction log of this home, a cluster's pods included, as it lies there. Raises UnknownName
    where there is no such rollout or step, Refused where no champion was beside the version, Tampered for a line that is no row.
    """
    from lifecycle.monitoring.comparing import Sides, compare
    from lifecycle.monitoring.sampled import Sample
    from lifecycle.serving.prediction_log.segments import ModelLog

    requested = _newest_rollout(departments, model, version)
    order = standing.body_of(requested, RolloutRequested)
    stretch = _chosen(_stretches(departments, requested, order), step, str(requested.event.subject))
    logs = [ModelLog(folder.predictions / model.name) for folder in departments.gateway_folders]
    sample = Sample()
    sides = Sides(
        ours=stretch.ours,
        theirs=stretch.theirs,
        positive=model.data.positive,
        label_of=_Labels(logs, stretch.from_us, sample).of,
        groups_of=model.data.groups_of,
        minimum_group_n=model.minimum_group_n,
    )
    return Compared(order.rollout_id, order.plan.strategy, stretch, compare(_rows(logs, stretch), sides, sample))


def _newest_rollout(departments: Departments, model: GovernedModel, version: Version | None) -> Recorded:
    found = departments.ledger.events(
        types=("RolloutRequested",),
        name=model.name,
        version=version,
        environment=departments.environment,
        newest_first=True,
        limit=1,
    )
    if not found:
        named = model.name if version is None else f"{model.name}:{version}"
        raise UnknownName(f"{named} was never rolled out here.", "`lifecycle ledger log --type RolloutRequested` lists what was.")
    return found[0]


def _stretches(departments: Departments, requested: Recorded, order: RolloutRequested) -> list[Stretch]:
    """Those of a rollout in which both were asked, the oldest first."""
    subject, champion = requested.event.subject, order.champion_version
    if champion is None or subject.version is None:
        raise Refused(
            f"{subject} came in where no version served, so nothing was beside it.",
            "Compare it with the limits of its gates: `lifecycle evidence` has its evaluation.",
            ("STATE",),
        )
    told = departments.ledger.events(
        types=("RolloutStepReached", *_ENDS), name=subject.name, version=subject.version, environment=requested.event.environment
    )
    ours = [one for one in told if getattr(one.event.body, "rollout_id", None) == order.rollout_id]
    found = []
    for place, recorded in enumerate(ours):
        body, at_us = recorded.event.body, recorded.event.occurred_at_us
        over = place + 1 < len(ours)
        to_us = ours[place + 1].event.occurred_at_us if over else now_us()
        if isinstance(body, RolloutStepReached):
            copied = order.plan.copies(body.step)
            if copied or 0.0 < body.weight < 1.0:
                arm: Arm = "shadow" if copied else "canary"
                found.append(Stretch(body.step + 1, (arm, subject.version), ("champion", champion), at_us, to_us, over))
        elif isinstance(body, RolloutCompleted) and body.holdout is not None:
            left_us = _left_us(departments, requested, at_us)
            arms: tuple[tuple[Arm, Version], tuple[Arm, Version]] = ("champion", subject.version), ("holdout", champion)
            found.append(Stretch(None, *arms, at_us, left_us or now_us(), left_us is not None))
    return found


def _left_us(departments: Departments, requested: Recorded, since_us: Microseconds) -> Microseconds | None:
    """When the version of this rollout was no champion any more, having become one at `since_us`; None while it is."""
    name, environment = requested.event.subject.name, requested.event.environment
    ends = departments.ledger.events(types=("RolloutCompleted", "RolledBack"), name=name, environment=environment)
    return next((end.event.occurred_at_us for end in ends if end.event.occurred_at_us > since_us), None)


def _chosen(stretches: list[Stretch], step: int | None, version: str) -> Stretch:
    if step is None and stretches:
        return stretches[-1]
    chosen = next((one for one in stretches if one.step == step and step is not None), None)
    if chosen is not None:
        return chosen
    there = [str(one.step) for one in stretches if one.step is not None]
    raise UnknownName(
        f"{version} and the champion were {'never' if step is None else f'in step {step} not'} asked side by side.",
        f"They were in step {', '.join(there)}." if there else "A step with a weight between 0 and 1 does that, or a shadow's.",
    )


def _rows(logs: list[ModelLog], stretch: Stretch) -> Iterator[Row]:
    from lifecycle.serving.prediction_log.following import FollowedLog

    for log in logs:
        for row, asked in FollowedLog(log, stretch.from_us).rows():
            if stretch.from_us <= row.at_us < stretch.to_us:
                yield row, asked


class _Labels:
    """What was sent as true of predictions: of each, the last that was sent by whom."""

    def __init__(self, logs: list[ModelLog], since_us: Microseconds, sample: Sample) -> None:
        from lifecycle.serving.prediction_log.following import FollowedLog

        self._sent: dict[Id, dict[str, tuple[Microseconds, str]]] = {}
        for log in logs:
            for sent in FollowedLog(log, since_us).labels():
                if sample.has(sent.prediction_id):
                    by = self._sent.setdefault(sent.prediction_id, {})
                    by[sent.asked_by] = max(by.get(sent.asked_by, (0, "")), (sent.at_us, sent.label))
                    if sample.thinned(len(self._sent)):
                        self._sent = {known: of for known, of in self._sent.items() if sample.has(known)}

    def of(self, prediction_id: Id, principal: str) -> str | None:
        """The last one that counts: sent by whoever may label anybody's, or by whoever asked for it."""
        by = self._sent.get(prediction_id, {})
        said = [by[whose] for whose in {"", principal} if whose in by]
        return max(said)[1] if said else None
