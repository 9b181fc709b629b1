"""One walk from a prediction: what is being explained, what it is looked up in, and the steps so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lifecycle.lineage.explaining.chain import Chain, Found, NotFound, Store
from lifecycle.lineage.outline import Tone
from lifecycle.lineage.step import Part, Step
from lifecycle.records.approval import Envelope
from lifecycle.records.bodies import Body
from lifecycle.records.bodies.governors import EnrolledKey
from lifecycle.records.prediction import Prediction
from lifecycle.records.record import Digest

Led = TypeVar("Led")
SomeBody = TypeVar("SomeBody", bound=Body)

#: A row is dated when its request came, a change of the routes when it was decided: two readings of a clock, by two processes.
CLOCKS_US = 5_000_000


@dataclass(frozen=True)
class Verifiers:
    """What is asked of others. Each returns why something does not hold, or ""."""

    #: Of a version's digest and its signature's.
    signature: Callable[[Digest, Digest], str]
    #: Of what somebody signed, and the key that the ledger enrolled for them.
    statement: Callable[[Envelope, EnrolledKey], str]


@dataclass
class Walk:
    """Collects steps. `follow` is the one way to add an edge that can be missing."""

    row: Prediction
    chain: Chain
    store: Store
    verifiers: Verifiers
    steps: list[Step] = field(default_factory=list)

    @property
    def version(self) -> str:
        """The version that answered, as people write it."""
        return f"{self.row.model}:{self.row.version}"

    def follow(self, part: Part, edge: str, look: Callable[[], tuple[Step, Led]]) -> Led | None:
        """What an edge leads to; None where it is missing, which its step says."""
        try:
            step, led = look()
        except NotFound as error:
            self.steps.append(Step(part, edge, edge, standing="missing", why=str(error), tone="bad"))
            return None
        self.steps.append(step)
        return led

    def unreached(self, part: Part, edge: str, without: str) -> None:
        """Notes an edge that hangs on one which is missing."""
        self.steps.append(Step(part, edge, edge, standing="unreached", why=f"can't be followed without the {without}"))


def told(
    part: Part,
    edge: str,
    found: Found[SomeBody],
    what: str,
    detail: str = "",
    *,
    digest: Digest | None = None,
    tone: Tone = "plain",
    facts: Mapping[str, Any] | None = None,
) -> Step:
    """The step to a record; one that the gateway's journal still has waits."""
    more = {"event": found.event.id, "at_us": found.event.occurred_at_us, "by": found.event.actor.id, **(facts or {})}
    if found.index is None:
        waits = "it waits in the gateway's journal for the ledger"
        return Step(part, edge, what, detail, digest, None, "waiting", waits, more, tone)
    return Step(part, edge, what, detail, digest, found.index, facts=more, tone=tone)


def require(holds: bool, otherwise: str) -> None:
    """Raises NotFound where a record does not say what the one before it says."""
    if not holds:
        raise NotFound(otherwise)
