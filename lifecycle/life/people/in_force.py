"""Who counts now: the people of the registry, without the keys that were revoked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecycle.life.gates.governed import revoked_among
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.approvals.people import Registry


def revoked_keys(departments: Departments) -> frozenset[str]:
    """The ids of the keys that the ledger says are revoked here."""
    return revoked_among(departments.ledger.events(types=("KeyRevoked",)), departments.environment)


def people_in_force(departments: Departments) -> Registry:
    """The registry without the keys that were revoked: whoever verifies or signs a statement now goes by this."""
    return departments.people.without_keys(revoked_keys(departments))
