"""How long the bytes of records are kept: governance/retention.yaml, read strictly.

Pruning takes bytes and never a leaf. What may go is bounded here and not in the file: observations, from which nothing follows,
and the past of versions that are over in every environment. Everything else stays for good.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, model_validator

from lifecycle.errors import InvalidDeclaration, MalformedRecord
from lifecycle.records.record import DAY_US, Digest, Microseconds, Record

#: Logs are kept for six months at least (EU AI Act, Articles 19 and 26(6)).
LEAST_DAYS = 183
#: Types of records that tell what was seen and that nothing is folded from.
OBSERVATIONS = frozenset({"MonitoringReported", "DatasetRejected", "ApprovalBarred", "SignatureBarred", "SignInRefused", "RefusalsSealed"})

Days = Annotated[int, Field(ge=LEAST_DAYS, le=36_525)]


class RetentionPolicy(Record):
    """After how many days bytes may be pruned; what is not named is kept for good."""

    schema_version: Literal["lifecycle.retention/1"]
    #: By the type of the record, counted from when it happened.
    observations: dict[str, Days] = Field(default_factory=dict)
    #: Everything of a version that was retired in every environment, counted from the last retirement; None keeps it.
    closed_versions: Days | None = None

    @model_validator(mode="after")
    def _names_observations(self) -> Self:
        others = sorted(set(self.observations) - OBSERVATIONS)
        if others:
            raise ValueError(
                f"observations: {', '.join(others)} can't be pruned by age; those that can are {', '.join(sorted(OBSERVATIONS))}"
            )
        return self

    @classmethod
    def read(cls, value: JsonValue, source: str) -> RetentionPolicy:
        """From what a file says. Raises InvalidDeclaration that names the file and each wrong field."""
        try:
            return cls.of(value)
        except MalformedRecord as error:
            raise InvalidDeclaration(f"{source}: {error.what}", "Correct the named fields; days are whole numbers.") from error

    @property
    def digest(self) -> Digest:
        return self.content_digest()


def days_before(at_us: Microseconds, days: int) -> Microseconds:
    """The moment so many days before another, and 1970 at the earliest."""
    return max(at_us - days * DAY_US, 0)
