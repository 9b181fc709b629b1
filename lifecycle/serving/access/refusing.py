"""What a caller who may not ask is told, and in which one word it is counted."""

from __future__ import annotations

from lifecycle.records.bodies.access import RefusalReason
from lifecycle.serving.failures import RequestRefused

#: The reason of what the gateway refused without looking at who asks, by the status of the answer.
BY_STATUS: dict[int, RefusalReason] = {
    400: "invalid",
    404: "unknown_name",
    405: "invalid",
    408: "too_slow",
    413: "too_large",
    429: "too_many",
    503: "too_many",
}


class AccessRefused(RequestRefused):
    """A request of somebody who may not ask, or not so much. `retry_seconds`: when asking again may help; 0 where it never will."""

    def __init__(
        self, what: str, reason: RefusalReason, status: int, *, grant_id: str | None = None, retry_seconds: int = 0, field: str = ""
    ) -> None:
        super().__init__(what, field, status)
        self.reason: RefusalReason = reason
        self.grant_id = grant_id
        self.retry_seconds = retry_seconds


def reason_of(refusal: RequestRefused) -> RefusalReason:
    """Why a request was refused, in one word."""
    return refusal.reason if isinstance(refusal, AccessRefused) else BY_STATUS.get(refusal.status, "invalid")
