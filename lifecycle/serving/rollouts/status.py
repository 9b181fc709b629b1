"""What a gateway, or the controller of a cluster, says of itself to whoever asks: which versions serve, and how far each rollout is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from lifecycle.records.record import Count, Digest, Name, Record, Share, Version
from lifecycle.serving.allowed.withdrawals import Withdrawal


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
        # Rounded down: "5 of 5 s" is told of a step that has baked, and of no other.
        baked = self.bake_seconds if self.baked_seconds >= self.bake_seconds else math.floor(self.baked_seconds)
        return f"{self.answered:,} of at least {self.minimum_n:,} requests answered, baked for {baked:g} of {self.bake_seconds:g} s"


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
    #: Grants whose callers are let in, whether a version serves that they may ask or not.
    callers: Count
    #: Why it is as it was: the ledger could not be asked, or refusals are not sealed. "" where all is well.
    fault: str = ""


class GatewayStatus(Record):
    """`lifecycle gateway status --json`. Where no gateway runs, nobody is answered, and its models are as the journal left them."""

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
