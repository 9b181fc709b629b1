"""The contract between a rollout and the place where its versions serve.

What every target owes, whatever it is made of:
- A version is ready before it is given a share, and is still there when its share is taken away.
- What serves is placed in one write: the weights and the note of which rollout they belong to change together or not at all.
- A write is held against what its writer has read. Where somebody else wrote meanwhile it changes nothing.
- What a version answered is what its own processes count, never what the target was told to do.
- A second controller is refused while a first one lives.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from pydantic import Field

from lifecycle.errors import LifecycleError
from lifecycle.records.bodies.serving import AbortCause, Trigger
from lifecycle.records.identity import now_us
from lifecycle.records.record import Count, Digest, Id, Microseconds, Name, Record, Share, Version, is_none
from lifecycle.serving.rollouts.rollback_asked import RollbackAsked
from lifecycle.serving.rollouts.seen import Observed
from lifecycle.serving.rollouts.word import Word


class Moved(LifecycleError):
    """What serves was placed by somebody else since it was read: nothing was written."""


class TargetVersion(Record):
    """A version and its bytes."""

    version: Version
    digest: Digest


class Undoing(Record):
    """A rollback that was decided."""

    decided_at_us: Microseconds
    trigger: Trigger
    #: Where somebody asked for it: under which id, by which decision of the gate, and why.
    rollback_id: Id | None = None
    decision_id: Id | None = None
    reason: str = ""

    @classmethod
    def begun(cls, asked: RollbackAsked) -> Undoing:
        """What was asked for, decided now."""
        return cls(
            decided_at_us=now_us(),
            trigger=asked.trigger,
            rollback_id=asked.rollback_id,
            decision_id=asked.decision_id,
            reason=asked.reason,
        )

    @property
    def why(self) -> str:
        """In words for people."""
        return self.reason or self.trigger.detail


class Placement(Record):
    """What serves at a target, and the rollout that it belongs to. The target keeps it; whoever drives on reads it there."""

    model: Name
    champion: TargetVersion | None = None
    canary: TargetVersion | None = None
    #: The canary's share of the requests; the champion has the rest.
    weight: Share = 0.0
    #: Answers nobody any more and still runs, because requests may be on their way to it.
    leaving: TargetVersion | None = None
    #: The rollout that was driven last, how far it is, and how it ended.
    rollout_id: str = ""
    step: Count = 0
    outcome: Literal["", "completed", "aborted", "replaced"] = ""
    reason: str = ""
    #: When each of its steps began.
    steps_us: tuple[Microseconds, ...] = Field(default=(), exclude_if=lambda began: not began)
    #: Why it was aborted, where it was.
    cause: AbortCause | None = None
    #: Whose word that was, where a person ended it, until that is recorded.
    word: Word | None = Field(default=None, exclude_if=is_none)
    #: The rollback that ended it, if one did.
    undoing: Undoing | None = None
    #: Whether how it ended is recorded, and nothing of it runs for nobody.
    settled: bool = True
    #: Whether what no version may answer goes to a person, in place of a refusal.
    refers: bool = False
    #: Versions that served before and may serve again, the latest first. None of them runs.
    standby: tuple[TargetVersion, ...] = ()
    #: The one of them that is made ready to serve, while nobody is answered.
    returning: TargetVersion | None = None

    @property
    def shares(self) -> dict[TargetVersion, float]:
        """The versions that requests go to."""
        shares = {}
        if self.champion is not None and self.weight < 1.0:
            shares[self.champion] = 1.0 - self.weight
        if self.canary is not None and self.weight > 0.0:
            shares[self.canary] = self.weight
        return shares

    @property
    def unanswered(self) -> float:
        """The share of the requests that no version may answer yet: a person decides on them, or they are refused."""
        return 1.0 - self.weight if self.champion is None and self.canary is not None and self.weight > 0.0 else 0.0


@dataclass(frozen=True, slots=True)
class Placed:
    """A placement as it was read, and what a write that follows from it is held against."""

    placement: Placement
    revision: str
    #: Whether requests go where the placement says. Where not, somebody changed the weights beside it.
    in_force: bool = True


@dataclass(frozen=True, slots=True)
class Counted:
    """What a version has answered since its processes were first seen, by their own count."""

    observed: Observed = field(default_factory=Observed)
    #: Failures in a row that stand at the moment.
    streak: int = 0
    #: Why it can't answer any more, where that is so.
    death: str = ""
    #: The pods that answer, where it runs in pods.
    pods: tuple[str, ...] = ()


class Target(Protocol):
    """One model at one place. Every call may raise Unavailable where the place does not answer."""

    async def hold(self) -> None:
        """Takes, or keeps, the right to change what serves. Raises Refused while another controller has it."""

    async def let_go(self) -> None:
        """Gives that right back."""

    async def read(self) -> Placed:
        """What is placed. A target that never served this model has an empty placement."""

    async def make_ready(self, version: TargetVersion, slower_than_us: int) -> None:
        """Returns once the version could answer. Done again, it does nothing more.

        An answer slower than `slower_than_us` will be counted as slow (0: none). Raises Unavailable where it does not get there.
        """

    async def place(self, was: Placed, now: Placement) -> Placed:
        """Puts a placement in force for every request that comes from then on. Raises Moved where `was` is not what is placed."""

    async def counted(self, version: TargetVersion) -> Counted:
        """What a version has answered."""

    async def take_out(self, version: TargetVersion) -> None:
        """Ends a version's processes, once they have answered what they were asked. Done again, it does nothing more."""


class Pace(Record):
    """How fast a rollout is driven."""

    #: How often counts are read.
    tick_seconds: float = Field(default=1.0, gt=0.0)
    #: For how long a version must have been asked nothing before its processes end.
    quiet_seconds: float = Field(default=5.0, ge=0.0)
    #: For how long a version that is out of the routes and is asked nevertheless is waited for before that is told as a fault.
    drain_seconds: float = Field(default=300.0, ge=0.0)
    #: How often what pods that are gone have left is looked for.
    sweep_seconds: float = Field(default=60.0, gt=0.0)
