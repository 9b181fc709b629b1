"""What happens where a version serves."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from lifecycle.errors import MalformedRecord
from lifecycle.records.approval import Envelope, RolloutPart, RolloutStatement
from lifecycle.records.bodies.body import Body
from lifecycle.records.record import (
    INTEGER_BOUND,
    ActorId,
    Count,
    Digest,
    Id,
    JsonObject,
    Microseconds,
    Prose,
    Record,
    Share,
    Version,
    is_none,
)
from lifecycle.records.rollout import Arm, ArmCounts, RolloutPlan


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


class RolloutEnd(Body):
    """The root of both ends. What a person signed and what the body says are one: nothing beside the envelope can say something else."""

    part: ClassVar[RolloutPart]
    rollout_id: Id
    observed: tuple[ArmCounts, ...]
    #: What the person signed whose word ended it. None where it ended by itself, in `local`, and in records of before they signed.
    envelope: Envelope | None = Field(default=None, exclude_if=is_none)

    @property
    def statement(self) -> RolloutStatement | None:
        """What was signed, if somebody did."""
        return None if self.envelope is None else self.envelope.holding(RolloutStatement)

    @property
    def said(self) -> dict[str, object]:
        """What of the body stands in the statement as well, by its name there."""
        return {"part": self.part, "rollout_id": self.rollout_id}

    @model_validator(mode="after")
    def _says_what_was_signed(self) -> Self:
        statement = self.statement
        if statement is None:
            return self
        for field, value in self.said.items():
            if getattr(statement, field) != value:
                raise MalformedRecord(
                    f"{type(self).__name__} says another {field} than was signed.", "Record what was signed, as what it was signed."
                )
        return self


class RolloutCompleted(RolloutEnd):
    """The version takes all of the traffic."""

    part = "promote"
    superseded_version: Version | None
    superseded_digest: Digest | None
    #: The person who promoted it, and why, where the plan leaves that to one (an A/B test, a shadow).
    promoted_by: ActorId | None = Field(default=None, exclude_if=is_none)
    reason: Prose | None = Field(default=None, exclude_if=is_none)
    #: The share that stays with the superseded version, where the plan declares a hold-out.
    holdout: Share | None = Field(default=None, exclude_if=is_none)

    @property
    def said(self) -> dict[str, object]:
        return {**super().said, "signer": self.promoted_by, "reason": self.reason}


#: Why a rollout ended without serving.
AbortCause = Literal["guardrail", "crash", "person", "cancelled", "superseded", "failed", "revoked"]
#: Of these, what the run tells that ordered it. Whoever asks a gateway for another end gives a person's word.
RunsCause = Literal["failed", "cancelled"]


class RolloutAborted(RolloutEnd):
    """A rollout that ended without serving: by its guardrail, by a person, by a cancelled run, by a crash, by a
    revocation."""

    part = "end"
    cause: AbortCause
    reason: str
    #: The person who ended it without judging the version; None for every other cause, and where nobody was named.
    ended_by: ActorId | None = Field(default=None, exclude_if=is_none)

    @property
    def said(self) -> dict[str, object]:
        return {**super().said, "signer": self.ended_by, "reason": self.reason}

    @model_validator(mode="after")
    def _names_whose_word_it_was(self) -> Self:
        if self.ended_by is not None and self.cause != "person":
            raise MalformedRecord(f"RolloutAborted names {self.ended_by}, and its cause is {self.cause}.", "Name whom it was ended by.")
        return self


class Trigger(Record):
    """Why a version was taken out: what was seen, against what is allowed."""

    kind: Literal["person", "schedule", "guardrail", "crash", "revocation"]
    metric: str
    value: float | None
    limit: float | None
    detail: str

    @property
    def says(self) -> str:
        """In words: what was watched, and what was seen of it; of a person's the reason alone."""
        return ": ".join(part for part in (self.metric.replace("_", " "), self.detail) if part)


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


class SealedVersion(Record):
    """What one version answered within a segment: under which decision and policy, on which arm, how often."""

    version: Version | None
    model_digest: Digest | None
    decision_id: Id | None
    bundle_digest: Digest | None
    arm: Arm
    rows: Count


class PredictionsSealed(Body):
    """A segment of the prediction log is closed: its rows are the leaves of a tree, and this is the root."""

    #: The segment's file, and the stream that it belongs to: one gateway's rows of one model.
    segment: str
    stream: Id
    #: The place in the stream, from 1, without gaps: a segment that is missing shows.
    number: Annotated[int, Field(ge=1, lt=INTEGER_BOUND)]
    rows: Count
    from_us: Microseconds
    to_us: Microseconds
    #: RFC 6962 over the rows as they were written, one line without its line feed a leaf.
    root: Digest
    versions: tuple[SealedVersion, ...]
    #: Rows of a model that is declared as best effort which no segment has, up to this one, over the whole stream. Left out where none are.
    rows_dropped: Annotated[int, Field(ge=1, lt=INTEGER_BOUND)] | None = Field(default=None, exclude_if=is_none)
