"""Which records stand behind one version: enough of the ledger to tell its life, and not the lives of the others.

A ledger of 100,000 events may hold thousands of versions. What one came from and what was done with it is found by the columns of the
ledger, so that the cost is that of one life.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from lifecycle.lineage.ports import Ledger
from lifecycle.records.bodies.decisions import DecisionMade
from lifecycle.records.bodies.serving import PredictionsSealed, RollbackRequested, RolledBack, RolloutCompleted
from lifecycle.records.bodies.training import ModelTrained, TrainingStarted
from lifecycle.records.events import Event, Recorded
from lifecycle.records.record import Version

#: How many events are held at once where there may be many.
PAGE = 2_000
#: What is another version's event, or none's, and one version may be part of.
SWAPS = ("RollbackRequested", "RolledBack", "RolloutCompleted")
#: What seals the answers of all versions together.
ANSWERS = ("PredictionsSealed",)
#: What a training consists of, and what allowed it: its start has no version yet.
OF_A_TRAINING = ("DecisionMade", "TrainingStarted", "ModelTrained", "TrainingFailed")
#: What happens in several events that no version and no run joins.
UNVERSIONED = ("LegalHoldPlaced", "LegalHoldReleased")


def every_event(
    ledger: Ledger, *, types: Collection[str] | None = None, kind: str | None = None, name: str | None = None, since: int = 0
) -> Iterator[Recorded]:
    """Events in ledger order, a page at a time, so that memory does not grow with the ledger."""
    while page := ledger.events(types=types, kind=kind, name=name, since=since, limit=PAGE):
        yield from page
        since = page[-1].index + 1


def events_behind(ledger: Ledger, model: str, version: Version, *, answers: bool = False) -> tuple[Recorded, ...]:
    """The records of one version in ledger order: its own, its data's, its training run's, the decisions that these name, and those of
    other versions that it had a part in (a rollback from one to another, a rollout that superseded it). Of no version there are none.

    With `answers`, also those of `answers_of`: one a minute, for as long as it serves.
    """
    own = ledger.events(kind="model", name=model, version=version)
    runs = {one.event.run_id for one in own if isinstance(one.event.body, ModelTrained) and one.event.run_id is not None}
    learned = {one.event.body.dataset_digest for one in own if isinstance(one.event.body, ModelTrained)}
    found = _by_index(own)
    found |= _by_index(one for one in ledger.events(types=("DatasetIngested",), name=model) if one.event.subject.digest in learned)
    found |= _by_index(one for one in ledger.events(types=SWAPS, name=model) if version in _swapped(one.event))
    for run in sorted(runs):
        same_run = ledger.events(types=("TrainingStarted", "TrainingFailed", "DecisionMade"), name=model, run_id=run)
        found |= _by_index(one for one in same_run if one.event.subject.version in (None, version))
    decided = {one.event.body.decision.id for one in found.values() if isinstance(one.event.body, DecisionMade)}
    started = [one.event.body for one in found.values() if isinstance(one.event.body, TrainingStarted)]
    named = {decision for body in started for decision in body.decision_ids}
    if named - decided:
        # A decision of another run: they are looked for among all on the model's data, which is slower and seldom.
        others = ledger.events(types=("DecisionMade",), kind="dataset", name=model)
        found |= _by_index(one for one in others if isinstance(one.event.body, DecisionMade) and one.event.body.decision.id in named)
    if answers:
        found |= _by_index(answers_of(ledger, model, version))
    return tuple(found[index] for index in sorted(found))


def answers_of(ledger: Ledger, model: str, version: Version) -> Iterator[Recorded]:
    """The sealed segments in which a version answered, read as they are asked for. Before its first rollout it answered nothing."""
    rollouts = ledger.events(types=("RolloutRequested",), kind="model", name=model, version=version, limit=1)
    for rollout in rollouts:
        for one in every_event(ledger, types=ANSWERS, kind="model", name=model, since=rollout.index):
            body = one.event.body
            if isinstance(body, PredictionsSealed) and any(answered.version == version for answered in body.versions):
                yield one


def _swapped(event: Event) -> tuple[Version | None, ...]:
    """The versions that an event of another one is about as well."""
    body = event.body
    if isinstance(body, RolledBack | RollbackRequested):
        return body.from_version, body.to_version
    return (body.superseded_version,) if isinstance(body, RolloutCompleted) else ()


def events_around(ledger: Ledger, new: Sequence[Recorded]) -> tuple[Recorded, ...]:
    """These records with those before and after them of the same activities, in ledger order: what activities are told from that take
    several events.
    """
    found = _by_index(new)
    lives = {(one.event.subject.name, one.event.subject.version) for one in new}
    for model, version in sorted((model, version) for model, version in lives if version is not None):
        found |= _by_index(ledger.events(kind="model", name=model, version=version))
    runs = {(one.event.subject.name, one.event.run_id) for one in new if one.event.type in OF_A_TRAINING and one.event.run_id is not None}
    for model, run in sorted(runs):
        found |= _by_index(ledger.events(types=OF_A_TRAINING, name=model, run_id=run))
    if any(one.event.type in UNVERSIONED for one in new):
        found |= _by_index(ledger.events(types=UNVERSIONED))
    return tuple(found[index] for index in sorted(found))


def _by_index(recorded: Iterable[Recorded]) -> dict[int, Recorded]:
    return {one.index: one for one in recorded}
