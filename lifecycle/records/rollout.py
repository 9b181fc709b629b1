"""A rollout as it is declared and as it is ordered."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from lifecycle.records.record import ActorId, Count, Digest, Id, Microseconds, Name, Record, Share, Version


class RolloutStep(Record):
    """A share of the traffic, held until the arm has answered `minimum_n` requests and the bake time is over."""

    weight: Share
    minimum_n: Count
    bake_seconds: float = Field(ge=0.0)


class Guardrail(Record):
    """What takes a canary out. `alpha` is the false-alarm rate that the anytime-valid test is run at."""

    kind: Literal["errors", "latency"]
    #: For `latency`: an answer slower than this is a bad event.
    objective_ms: float | None = Field(default=None, gt=0.0)
    alpha: float = Field(default=0.01, gt=0.0, lt=0.5)

    @model_validator(mode="after")
    def _knows_what_is_bad(self) -> Guardrail:
        if (self.kind == "latency") != (self.objective_ms is not None):
            raise ValueError("objective_ms: kind 'latency' needs one, in milliseconds; kind 'errors' takes none")
        return self


class RolloutPlan(Record):
    strategy: Literal["canary"] = "canary"
    steps: tuple[RolloutStep, ...] = Field(min_length=1)
    guardrails: tuple[Guardrail, ...]
    #: Consecutive hard failures of the canary after which the breaker takes it out at once.
    breaker: Count = 5
    #: What answers the share of the traffic that no version may answer yet: a person, or a 503.
    without_champion: Literal["refer", "refuse"] = "refuse"

    @model_validator(mode="after")
    def _ends_with_everything(self) -> RolloutPlan:
        weights = [step.weight for step in self.steps]
        if weights != sorted(weights) or weights[-1] != 1.0 or weights[0] <= 0.0:
            raise ValueError("the weights of the steps must grow and end with 1.0")
        return self


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

    arm: Literal["champion", "canary", "referral"]
    version: Version | None
    weight: Share
    requests: Count
    errors: Count
    slow: Count
    fallbacks: Count
