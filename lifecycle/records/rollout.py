"""A rollout as it is declared and as it is ordered."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lifecycle.records.record import ActorId, Count, Digest, Id, Microseconds, Name, Record, Share, Version, is_none

#: How a version comes in; `RolloutPlan` says what each means.
Strategy = Literal["canary", "blue_green", "ab", "shadow"]
#: Which route a request took to its answer. `canary` is the version that is being rolled out, whatever the strategy; a shadow's
#: answers reach nobody; `holdout` is the former champion's share after a promotion; `backup` answered for a champion that could not.
Arm = Literal["champion", "canary", "referral", "shadow", "holdout", "backup"]
#: How surely a row of the prediction log is kept; `RolloutPlan.log_grade` says what each means.
LogGrade = Literal["audit", "best_effort"]


class RolloutStep(Record):
    """A share of the traffic, held until the arm has answered `minimum_n` requests and the bake time is over."""

    weight: Share
    minimum_n: Count
    bake_seconds: float = Field(ge=0.0)


class Guardrail(Record):
    """What takes a canary out.

    `alpha` bounds how often a healthy canary is taken out; several guardrails share it: each is run at alpha over their number.
    `errors` counts exceptions, timeouts and invalid outputs; `latency`, answers slower than the objective.
    """

    kind: Literal["errors", "latency"]
    #: For `latency`: an answer slower than this is a bad event.
    objective_ms: float | None = Field(default=None, gt=0.0)
    alpha: float = Field(default=0.01, gt=0.0, lt=0.5)

    @model_validator(mode="after")
    def _knows_what_is_bad(self) -> Guardrail:
        if (self.kind == "latency") != (self.objective_ms is not None):
            raise ValueError("objective_ms: kind 'latency' needs one, in milliseconds; kind 'errors' takes none")
        return self


class NoWorse(Record):
    """What a version must have shown before all of the traffic goes to it: that it does no worse, and not only that nothing was noticed.

    It has, for each guardrail, where the evidence (anytime-valid, at `alpha`) is against "its odds of a bad event are
    `margin_odds` times the champion's, or more", or against "the share `ceiling` of its requests goes wrong, or more".
    """

    margin_odds: float = Field(default=2.0, gt=1.0, le=100.0)
    ceiling: float = Field(default=0.02, gt=0.0, lt=0.5)
    alpha: float = Field(default=0.05, gt=0.0, lt=0.5)


class Tier(Record):
    """What answers in the place of a version that failed, or that has answered its share of rows for this second.

    `earlier_version` is the one that served before and stands by. `model` is the champion of another governed model behind the
    same gateway: its own decision allows it, and its own log has the row. `cached` is what this version answered to exactly
    these values before.
    """

    kind: Literal["earlier_version", "model", "cached"]
    #: For `model`: which one.
    model: Name | None = Field(default=None, exclude_if=is_none)
    #: For `cached`: an answer that is older is not given again.
    most_age_seconds: float | None = Field(default=None, gt=0.0, le=86_400.0, exclude_if=is_none)

    @model_validator(mode="after")
    def _says_what_its_kind_needs(self) -> Tier:
        if (self.kind == "model") != (self.model is not None):
            raise ValueError("model: a tier of kind 'model' names one, such as model='credit_small'; the other kinds take none")
        if (self.kind == "cached") != (self.most_age_seconds is not None):
            raise ValueError("most_age_seconds: a tier of kind 'cached' needs it, in seconds; the other kinds take none")
        return self


class RolloutPlan(Record):
    """How a version comes in (`strategy`, `steps`), what takes it out again (`guardrails`, `breaker`), and what is held ready for
    when it serves (`holdout`, `tiers`).

    - canary: steps that grow and end with 1.0; the controller promotes it after the last one.
    - blue_green: one step, with 1.0: everything moves at once, and moves back as fast until it is baked and promoted.
    - ab: one step, with less than 1.0: a fixed share, the same callers throughout. A person promotes or ends it, never the controller.
    - shadow: the first step is the share of the requests that are copied to it; its answers reach nobody. The steps after it are a
      canary's; where there are none, a person promotes or ends it.
    """

    strategy: Strategy = "canary"
    steps: tuple[RolloutStep, ...] = Field(min_length=1)
    guardrails: tuple[Guardrail, ...]
    #: Consecutive hard failures of the canary after which the breaker takes it out at once.
    breaker: Count = 5
    #: What answers the share of the traffic that no version may answer yet: a person, or a 503.
    without_champion: Literal["refer", "refuse"] = "refuse"
    #: The share of callers that stays with the former champion once this version is promoted, always the same ones.
    holdout: Annotated[float, Field(gt=0.0, le=0.5)] | None = Field(default=None, exclude_if=is_none)
    #: What answers where this version, once it serves, can't: asked in this order.
    tiers: tuple[Tier, ...] | None = Field(default=None, min_length=1, exclude_if=is_none)
    #: The rows per second that this version answers, once it serves, over all workers; what is more goes to the tiers.
    rows_per_second: float | None = Field(default=None, gt=0.0, exclude_if=is_none)

    #: The evidence that promotes it; without it, enough answers in enough time do.
    no_worse: NoWorse | None = Field(default=None, exclude_if=is_none)
    #: How surely its rows are kept. Unless given, a row is written before its answer leaves, and no killed process loses one;
    #: `audit`: it is on the disk before, and no power cut loses one; `best_effort`: no answer waits for it, and what is lost is counted.
    log_grade: LogGrade | None = Field(default=None, exclude_if=is_none)

    @model_validator(mode="after")
    def _fits_its_strategy(self) -> RolloutPlan:
        weights = [step.weight for step in self.steps]
        led = weights[1:] if self.strategy == "shadow" else weights
        if self.strategy == "blue_green" and weights != [1.0]:
            raise ValueError("steps: blue-green has one step, with the weight 1.0")
        if self.strategy == "ab" and (len(weights) != 1 or not 0.0 < weights[0] < 1.0):
            raise ValueError("steps: an A/B test has one step, with a weight between 0 and 1")
        if self.strategy == "shadow" and weights[0] <= 0.0:
            raise ValueError("steps: the first step of a shadow is the share of the requests that are copied, more than 0")
        if self.strategy != "ab" and led and (led != sorted(led) or led[-1] != 1.0 or led[0] <= 0.0):
            raise ValueError("the weights of the steps must grow and end with 1.0")
        return self

    @model_validator(mode="after")
    def _has_tiers_where_it_needs_them(self) -> RolloutPlan:
        if self.rows_per_second is not None and self.tiers is None:
            raise ValueError("rows_per_second: declare in `tiers` what answers the rows that are too many")
        kinds = [(tier.kind, tier.model) for tier in self.tiers or ()]
        if len(set(kinds)) != len(kinds):
            raise ValueError("tiers: each may stand once")
        return self

    @property
    def promotes_itself(self) -> bool:
        """Whether the controller makes the version the champion after the last step; else a person does, or ends it."""
        return self.strategy != "ab" and self.steps[-1].weight == 1.0 and not self.copies(len(self.steps) - 1)

    def copies(self, step: int) -> bool:
        """Whether the requests of this step (from 0) are answered by the champion and copied to the version."""
        return self.strategy == "shadow" and step == 0

    @property
    def first_weight(self) -> float:
        """The share of the first step that callers see; 0.0 where there is none."""
        return next((step.weight for number, step in enumerate(self.steps) if not self.copies(number)), 0.0)


class LedgerProof(Record):
    """One leaf, proven to stand in a signed ledger: all that a gateway needs in order to believe it offline."""

    index: Count
    #: Base64 of the stored bytes of the event.
    leaf: str
    #: Base64 of each sibling hash, from the leaf up (RFC 6962 §2.1.1).
    path: tuple[str, ...]
    #: The C2SP signed note of the ledger checkpoint that the proof leads to.
    checkpoint: str


class RolloutOrder(Record):
    """The desired state that the deployment stage writes; the gateway's controller makes it so."""

    schema_version: Literal["lifecycle.order/1"] = "lifecycle.order/1"
    rollout_id: Id
    model: Name
    version: Version
    digest: Digest
    environment: Name
    plan: RolloutPlan
    decision_id: Id
    proof: LedgerProof
    signature_digest: Digest
    run_id: Id | None
    ordered_at_us: Microseconds
    actor: ActorId


class ArmCounts(Record):
    """What one version's arm has answered, as the gateway observed it."""

    arm: Arm
    version: Version | None
    weight: Share
    requests: Count
    errors: Count
    slow: Count
    fallbacks: Count
