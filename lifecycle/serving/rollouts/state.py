"""What a gateway knows of itself: which versions serve, and how far each rollout is. Pure records; the journal keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from lifecycle.records.bodies.serving import RollbackRequested, RolledBack
from lifecycle.records.identity import now_us
from lifecycle.records.record import Count, Digest, Id, Microseconds, Name, Record, Share, Version, is_none
from lifecycle.records.rollout import RolloutOrder
from lifecycle.serving.allowed.withdrawals import Withdrawal

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


class GuardrailStatus(Record):
    """What a guardrail, or one group that it looks at, has counted in both arms, and what it makes of that."""

    guardrail: str
    #: Natural logarithms: the version is taken out where the evidence against it reaches the limit.
    log_evidence: float
    log_limit: float
    #: Requests, or answers with a label that counts; and those of them that are bad events.
    canary: Count
    canary_bad: Count
    control: Count
    control_bad: Count


class StepProgress(Record):
    """How far the step is that a rollout is in: what it waits for, and how much of that there is."""

    #: How many steps there are.
    steps: Count
    #: Requests that the version has answered in this step, and how many it must have.
    answered: Count
    minimum_n: Count
    #: For how long the step has lasted, and for how long it must.
    baked_seconds: float
    bake_seconds: float

    @property
    def done(self) -> bool:
        """Whether neither requests nor time are missing."""
        return self.answered >= self.minimum_n and self.baked_seconds >= self.bake_seconds

    def says(self) -> str:
        """The same in words."""
        baked = min(self.baked_seconds, self.bake_seconds)
        return f"{self.answered:,} of at least {self.minimum_n:,} requests answered, baked for {baked:.0f} of {self.bake_seconds:g} s"


class RolloutStatus(Record):
    """How far a rollout is, for whoever waits for it."""

    rollout_id: str
    model: Name
    version: Version
    state: Literal["loading", "baking", "promoting", "undoing", "completed", "aborted"]
    step: Count
    weight: Share
    #: Whether the weight is the share of the requests that are copied to it: callers are answered without it.
    copies: bool = False
    reason: str = ""
    #: While it runs, once it was looked at. A cluster's controller does not tell its progress.
    guardrails: tuple[GuardrailStatus, ...] = ()
    progress: StepProgress | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """What the latest look at a rollout has found, for its status."""

    #: Why it goes no further, where neither time nor requests are missing.
    held: str = ""
    guardrails: tuple[GuardrailStatus, ...] = ()
    progress: StepProgress | None = None


class VersionStatus(Record):
    """One version as the gateway serves it now, with what it answered since it has had its cell."""

    version: Version
    digest: Digest
    arm: Literal["champion", "canary", "shadow", "holdout", "standby"]
    weight: Share
    requests: Count
    errors: Count
    slow: Count
    fallbacks: Count
    #: Of the errors: it took too long, and what it answered was no answer. The others are exceptions.
    timeouts: Count = 0
    invalid: Count = 0


class ModelStatus(Record):
    model: Name
    versions: tuple[VersionStatus, ...]
    #: Requests that no version might answer: told to refer to a person, or refused.
    referred: Count
    rollout: RolloutStatus | None
    #: Copies of requests that a shadow was too slow to take.
    copies_dropped: Count = 0
    #: Rows that the prediction log does not have, where the model is declared as best effort.
    rows_dropped: Count = 0
    #: Why a version that should serve does not, or what the ledger does not know of it.
    fault: str = ""


class AccessStatus(Record):
    """Who may ask this gateway."""

    #: Whether everybody may who reaches it: in `local`, until access is granted to somebody.
    open: bool
    #: Grants whose callers may ask at least one version.
    callers: Count
    #: Why it is as it was: the ledger could not be asked, or refusals are not sealed. "" where all is well.
    fault: str = ""


class GatewayStatus(Record):
    """`lifecycle gateway status --json`. Where the gateway does not run, its models are as the journal left them."""

    running: bool
    url: str | None
    pid: int | None
    environment: Name
    workers: Count
    models: tuple[ModelStatus, ...]
    #: Events that wait in the journal for the ledger to answer.
    waiting_events: Count
    #: Events that the ledger will never take: it does not tell what happened here.
    refused_events: Count = 0
    #: None where the gateway does not run.
    access: AccessStatus | None = None
    #: What is wrong with the gateway as a whole.
    faults: tuple[str, ...] = ()
    #: What was allowed here once and may not serve any more, the latest last.
    withdrawn: tuple[Withdrawal, ...] = ()
    #: For how long the ledger has not answered, and for how long the gateway still answers without it; None where it does not run.
    ledger_away_seconds: float | None = None
    ledger_left_seconds: float | None = None
