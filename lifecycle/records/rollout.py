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


#: What a guardrail counts as a bad event; the last two once it is known what was true (`POST /v2/feedback`).
GuardrailKind = Literal["errors", "latency", "wrong_labels", "missed_approvals"]
LABEL_KINDS: tuple[GuardrailKind, ...] = ("wrong_labels", "missed_approvals")


class Guardrail(Record):
    """What takes a canary out.

    `alpha` bounds how often a healthy canary is taken out; several guardrails share it: each is run at alpha over their number, and one
    that looks at `groups` at that over the number of groups.

    - `errors` counts exceptions, timeouts and invalid outputs; `latency`, answers slower than the objective.
    - `wrong_labels` counts, of the answers whose label is known, those that decided otherwise; `missed_approvals`, of those whose label
      is `favourable`, the same. Both look at each group of people by itself where `column` and `groups` name them.
    """

    kind: GuardrailKind
    #: For `latency`: an answer slower than this is a bad event.
    objective_ms: float | None = Field(default=None, gt=0.0)
    alpha: float = Field(default=0.01, gt=0.0, lt=0.5)
    #: For labels: how old an answer must be before its label counts. Labels that come soon are not like the rest.
    mature_seconds: float | None = Field(default=None, ge=0.0, exclude_if=is_none)
    #: For labels: the input that says of which group a row is, and the groups that are looked at, each by itself.
    column: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(default=None, exclude_if=is_none)
    groups: tuple[Annotated[str, Field(max_length=256)], ...] | None = Field(default=None, min_length=1, max_length=32, exclude_if=is_none)
    #: For `missed_approvals`: the label of those who should have been approved.
    favourable: Annotated[str, Field(min_length=1, max_length=256)] | None = Field(default=None, exclude_if=is_none)
    #: For labels: the share of bad events that is taken for normal where no champion answers beside the version; without it, nothing is
    #: judged there.
    ceiling: float | None = Field(default=None, gt=0.0, lt=0.5, exclude_if=is_none)

    @model_validator(mode="after")
    def _knows_what_is_bad(self) -> Guardrail:
        if (self.kind == "latency") != (self.objective_ms is not None):
            raise ValueError("objective_ms: kind 'latency' needs one, in milliseconds; the other kinds take none")
        if (self.kind == "missed_approvals") != (self.favourable is not None):
            raise ValueError(
                "favourable: kind 'missed_approvals' needs the label of those who should be approved; the other kinds take none"
            )
        if (self.column is None) != (self.groups is None):
            raise ValueError("column, groups: name both, such as column='home', groups=('rent', 'owner'), or neither")
        if self.groups is not None and len(set(self.groups)) != len(self.groups):
            raise ValueError("groups: each may stand once")
        for name in ("mature_seconds", "column", "ceiling"):
            if not self.on_labels and getattr(self, name) is not None:
                raise ValueError(f"{name}: only kinds 'wrong_labels' and 'missed_approvals' take it")
        return self

    @property
    def on_labels(self) -> bool:
        """Whether it waits for what turned out to be true."""
        return self.kind in LABEL_KINDS

    def is_about(self, other: Guardrail) -> bool:
        """Whether it looks at the same as another: two of them would share the alpha of one."""
        return (self.kind, self.column) == (other.kind, other.column)


class NoWorse(Record):
    """What a version must have shown before all of the traffic goes to it: that it does no worse, and not only that nothing was noticed.

    It has, for each guardrail but those on labels, where the evidence (anytime-valid, at `alpha`) is against "its odds of a bad event are
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

    @model_validator(mode="after")
    def _has_time_for_its_labels(self) -> RolloutPlan:
        baked = sum(step.bake_seconds for step in self.steps)
        for guardrail in self.guardrails:
            if guardrail.on_labels and (guardrail.mature_seconds or 0.0) > baked:
                raise ValueError(f"mature_seconds: labels that count after {guardrail.mature_seconds:g} s guard no rollout of {baked:g} s")
        return self

    @property
    def promotes_itself(self) -> bool:
        """Whether the controller makes the version the champion after the last step; else a person does, or ends it."""
        return self.strategy != "ab" and self.steps[-1].weight == 1.0 and not self.copies(len(self.steps) - 1)

    def copies(self, step: int) -> bool:
        """Whether the requests of this step (from 0) are answered by the champion and copied to the version."""
        return self.strategy == "shadow" and step == 0

    @property
    def slower_than_us(self) -> int:
        """An answer that takes longer is slow: the strictest objective of the latency guardrails; 0 where there is none."""
        objectives = [guardrail.objective_ms for guardrail in self.guardrails if guardrail.objective_ms is not None]
        return round(min(objectives) * 1_000) if objectives else 0

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
