"""Every matter, by the type of what is signed."""

from __future__ import annotations

from typing import Any

from lifecycle.desk.matters.approvals import Approvals
from lifecycle.desk.matters.changes import Changes
from lifecycle.desk.matters.grants import Grants
from lifecycle.desk.matters.matter import Matter
from lifecycle.desk.matters.reviews import Reviews
from lifecycle.desk.matters.revocations import Revocations
from lifecycle.desk.matters.rollouts import Rollouts
from lifecycle.desk.matters.waivers import Waivers

APPROVALS, WAIVERS, CHANGES, REVIEWS = Approvals(), Waivers(), Changes(), Reviews()
REVOCATIONS, GRANTS, ROLLOUTS = Revocations(), Grants(), Rollouts()
#: By the payload type: bytes that were signed as the one never count as another.
MATTERS: dict[str, Matter[Any]] = {
    matter.kind.payload_type: matter for matter in (APPROVALS, WAIVERS, CHANGES, REVIEWS, REVOCATIONS, GRANTS, ROLLOUTS)
}
