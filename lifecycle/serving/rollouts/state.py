"""What a gateway has decided: which versions serve, and where each rollout is. Pure records; the journal keeps them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lifecycle.records.bodies.serving import RollbackRequested, RolledBack
from lifecycle.records.identity import now_us
from lifecycle.records.record import Count, Digest, Id, Microseconds, Name, Record, Share, Version, is_none
from lifecycle.records.rollout import RolloutOrder
from lifecycle.serving.rollouts.status import RolloutStatus

#: loading: its process is being started; baking: it takes its share; promoting: the workers load it.
Phase = Literal["loading", "baking", "promoting"]
Outcome = Literal["completed", "aborted"]

#: Superseded versions that are remembered as targets of a rollback; the first of them stays loaded.
MOST_STANDBY = 8
#: Ends of rollouts and rollbacks that are remembered, for callers that ask again.
MOST_FINISHED = 100


class ServedVersion(Record):
    """A version, its bytes, and the cell that its counts lie in."""

    version: Version
    digest: Digest
    cell: Count


class ArmMark(Record):
    """Where an arm's counts stood at some moment."""

    requests: Count = 0
    errors: Count = 0
    slow: Count = 0
    fallbacks: Count = 0
    #: Of the errors and of the slow answers: those of callers who have had one already.
    errors_again: Count = 0
    slow_again: Count = 0
    #: Requests that it had no room for.
    spilled: Count = 0


class StageMark(Record):
    """Where the counts stood when a step began."""

    weight: Share
    canary: ArmMark
    control: ArmMark
    #: What was answered from then on was answered in it: labels are counted by this. None in a journal of before labels were.
    began_at_us: Microseconds | None = Field(default=None, exclude_if=is_none)


class RolloutState(Record):
    """A rollout in progress. Its plan stands in the order that lies in the package cache."""

    rollout_id: str
    decision_id: str
    canary: ServedVersion
    phase: Phase
    step: Count
    stages: tuple[StageMark, ...]
    run_id: str | None
    started_at_us: Microseconds
    #: An answer slower than this is a bad event; 0 where no guardrail asks.
    slow_us: Count
    #: Whether requests are copied to it in this step, and callers answered without it.
    copies: bool = False

    @classmethod
    def begun(cls, order: RolloutOrder, canary: ServedVersion) -> RolloutState:
        """A rollout as it is taken up: its version is loaded first, and has no share yet."""
        return cls(
            rollout_id=order.rollout_id,
            decision_id=order.decision_id,
            canary=canary,
            phase="loading",
            step=0,
            stages=(),
            run_id=order.run_id,
            started_at_us=now_us(),
            slow_us=order.plan.slower_than_us,
        )

    def ended(self, model: str, outcome: Outcome, reason: str) -> FinishedRollout:
        """The same, over."""
        return FinishedRollout(
            rollout_id=self.rollout_id,
            decision_id=self.decision_id,
            model=model,
            version=self.canary.version,
            outcome=outcome,
            reason=reason,
        )

    @property
    def takes_traffic(self) -> bool:
        """Whether its process is ready and its first step has begun."""
        return bool(self.stages) and self.phase != "loading"


class OpenRollback(Record):
    """A rollback that is in the routes, and of which it is not yet recorded what was observed."""

    intent: RollbackRequested
    decided_at_us: Microseconds


class FinishedRollout(Record):
    """How a rollout ended. Its decision is used up: it allowed this one and no other."""

    rollout_id: str
    decision_id: str
    model: Name
    version: Version
    outcome: Outcome
    reason: str

    def status(self) -> RolloutStatus:
        """The same, for whoever waits for it."""
        return RolloutStatus(
            rollout_id=self.rollout_id, model=self.model, version=self.version, state=self.outcome, step=0, weight=0.0, reason=self.reason
        )


class Holdout(Record):
    """The share of callers that stayed with the former champion when another was promoted."""

    version: ServedVersion
    share: Share
    #: The rollout that promoted the champion: who belongs to the hold-out is drawn under its name.
    rollout_id: str


class ModelState(Record):
    """One model: what serves, what stands by, and what is being rolled out."""

    model: Name
    slot: Count
    champion: ServedVersion | None = None
    #: Versions that served before and may serve again, the latest first.
    standby: tuple[ServedVersion, ...] = ()
    rollout: RolloutState | None = None
    rollback: OpenRollback | None = None
    #: It stands by as well, as the first of those that do; it goes with the next promotion or rollback of what serves.
    holdout: Holdout | None = None
    #: Whether what no version may answer goes to a person.
    refers: bool = False

    @property
    def versions(self) -> tuple[ServedVersion, ...]:
        """Every version that has a cell."""
        canary = () if self.rollout is None else (self.rollout.canary,)
        champion = () if self.champion is None else (self.champion,)
        return (*champion, *canary, *self.standby)

    @property
    def loaded(self) -> tuple[ServedVersion, ...]:
        """What the workers hold: the champion, and the version that a rollback would go back to."""
        return (*(() if self.champion is None else (self.champion,)), *self.standby[:1])


class SealedStream(Record):
    """How far the segments of one model's rows are sealed: the journal has the event of every one up to `number`."""

    model: Name
    stream: Id
    number: Count
    #: In these segments together.
    rows: Count


class GatewayState(Record):
    """Everything that a restart needs."""

    schema_version: Literal["lifecycle.gateway/1"] = "lifecycle.gateway/1"
    models: tuple[ModelState, ...] = ()
    finished: tuple[FinishedRollout, ...] = ()
    rolled_back: tuple[RolledBack, ...] = ()
    sealed: tuple[SealedStream, ...] = ()
    #: How far the log of refused requests is sealed; it is one for all models.
    refusals: SealedStream | None = None

    @property
    def decisions(self) -> tuple[Id, ...]:
        """The decisions that allowed the rollouts in here."""
        rolling = (model.rollout.decision_id for model in self.models if model.rollout is not None)
        return (*(ended.decision_id for ended in self.finished), *rolling)

    def model(self, name: str) -> ModelState | None:
        return next((model for model in self.models if model.model == name), None)

    def with_model(self, changed: ModelState) -> GatewayState:
        """A copy in which this model is so."""
        others = tuple(model for model in self.models if model.model != changed.model)
        return self.model_copy(update={"models": tuple(sorted((*others, changed), key=lambda model: model.slot))})

    def rolling(self, rollout_id: str) -> ModelState | None:
        """The model that this rollout is under way on."""
        return next((state for state in self.models if state.rollout is not None and state.rollout.rollout_id == rollout_id), None)

    def ended(self, rollout_id: str) -> FinishedRollout | None:
        """How this rollout ended, where it has and is remembered."""
        return next((ended for ended in self.finished if ended.rollout_id == rollout_id), None)

    def went_back(self, rollback_id: str) -> RolledBack | None:
        """What was observed of this rollback, where it is remembered."""
        return next((body for body in self.rolled_back if body.rollback_id == rollback_id), None)

    def stream(self, model: str) -> SealedStream | None:
        """The stream of a model's rows, once one of its segments was sealed."""
        return next((stream for stream in self.sealed if stream.model == model), None)

    def with_sealed(self, stream: SealedStream) -> GatewayState:
        """A copy in which this model's rows are sealed so far."""
        others = tuple(other for other in self.sealed if other.model != stream.model)
        return self.model_copy(update={"sealed": tuple(sorted((*others, stream), key=lambda one: one.model))})

    def with_finished(self, rollout: FinishedRollout) -> GatewayState:
        return self.model_copy(update={"finished": (*self.finished, rollout)[-MOST_FINISHED:]})

    def with_rolled_back(self, body: RolledBack) -> GatewayState:
        return self.model_copy(update={"rolled_back": (*self.rolled_back, body)[-MOST_FINISHED:]})
