"""The limits that a decision went by: those of its own bundle, which may be other ones today."""

from __future__ import annotations

from collections.abc import Mapping

from lifecycle.errors import UnknownName
from lifecycle.records.gates import Decision
from lifecycle.records.record import Name
from lifecycle.wiring import Departments


def limits_behind(departments: Departments, decision: Decision) -> Mapping[Name, float]:
    """Each limit by its name, as it held for the subject of a decision. Empty where the store has lost the bundle.

    Raises Tampered where the bundle is not what its digest says.
    """
    from lifecycle.policy.bundle import Bundle
    from lifecycle.policy.limits import set_named

    subject = decision.input.subject
    try:
        document = departments.artifacts.read(decision.policy.bundle_digest)
    except UnknownName:
        return {}
    of = set_named(Bundle.parse(document).limit_sets, subject.limits)
    return of.with_overrides(subject.limit_overrides, risk_tier=subject.risk_tier, jurisdiction=decision.input.target.jurisdiction)
