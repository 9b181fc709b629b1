"""What can go wrong with one request, and whose fault it is."""

from __future__ import annotations

from typing import Literal

from lifecycle.errors import LifecycleError

#: How a version failed: it broke or is gone, took too long, or answered something that is no answer.
FailureKind = Literal["exception", "timeout", "invalid"]

#: What callers hear of a gateway that must not answer any more.
OUT_OF_REACH = "This gateway has been out of reach of its ledger for too long, and answers nobody until the ledger answers."


class RequestRefused(LifecycleError):
    """A request that no version could answer: the caller's to correct. `field` names the part that is wrong."""

    exit_code = 2
    status = 400

    def __init__(self, what: str, field: str = "", status: int = 400) -> None:
        super().__init__(what, "Correct the named field and send the request again.")
        self.field = field
        self.status = status


class WrongMethod(RequestRefused):
    """A path that is asked in another way than the one that it takes."""

    def __init__(self, allowed: str, sent: str) -> None:
        super().__init__(f"This takes {allowed}, not {sent}.", status=405)
        self.allowed = allowed


class ArmFailed(LifecycleError):
    """A version that did not answer, or answered something that is no answer: the version's fault."""

    def __init__(self, what: str, kind: FailureKind = "exception") -> None:
        super().__init__(what, "Another version answers in its place where there is one; the rollout's guardrails see it.")
        self.kind: FailureKind = kind
