"""What happens where a version serves."""

from __future__ import annotations

from typing import Literal

from lifecycle.records.bodies.body import Body
from lifecycle.records.record import Count, Digest, Id, JsonObject, Microseconds, Record, Share, Version
from lifecycle.records.rollout import ArmCounts, RolloutPlan


class RolloutRequested(Body):
    rollout_id: Id
    plan: RolloutPlan
    decision_id: Id
    champion_version: Version | None
    champion_digest: Digest | None


class RolloutStepReached(Body):
    rollout_id: Id
    step: Count
    weight: Share
    observed: tuple[ArmCounts, ...]


class RolloutCompleted(Body):
    rollout_id: Id
    superseded_version: Version | None
    superseded_digest: Digest | None
    observed: tuple[ArmCounts, ...]


class RolloutAborted(Body):
    """A rollout that ended without serving: by its guardrail, by a person, by a cancelled run, by a crash."""

    rollout_id: Id
    cause: Literal["guardrail", "crash", "person", "cancelled", "superseded", "failed"]
    reason: str
    observed: tuple[ArmCounts, ...]


class Trigger(Record):
    """Why a version was taken out: what was seen, against what is allowed."""

    kind: Literal["person", "schedule", "guardrail", "crash"]
    metric: str
    value: float | None
    limit: float | None
    detail: str


class RollbackRequested(Body):
    rollback_id: Id
    trigger: Trigger
    from_version: Version
    from_digest: Digest
    to_version: Version | None
    to_digest: Digest | None
    decision_id: Id | None
    reason: str


class RolledBack(Body):
    """What was observed. `actuation_us`: from the decision until no request went to the version any more."""

    rollback_id: Id
    trigger: Trigger
    from_version: Version
    from_digest: Digest
    to_version: Version | None
    to_digest: Digest | None
    decided_at_us: Microseconds
    actuation_us: Count
    observed: tuple[ArmCounts, ...]


class GuardrailVerdict(Record):
    guardrail: str
    value: float | None
    limit: float | None
    verdict: Literal["holds", "breached", "not_enough_data"]


class MonitoringReported(Body):
    window_from_us: Microseconds
    window_to_us: Microseconds
    rows: Count
    labelled_rows: Count
    verdicts: tuple[GuardrailVerdict, ...]
    psi: dict[str, float]
    summary: JsonObject
    report_json_digest: Digest | None
    report_html_digest: Digest | None
