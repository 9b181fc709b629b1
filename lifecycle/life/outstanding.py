"""What was taken back and has not been taken out yet: it stands as serving, and may not.

A gateway that runs takes it out within seconds. Where none runs nobody does, and the ledger alone tells of it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from lifecycle.life.gates.standing import body_of
from lifecycle.life.withdrawn import TAKING_BACK, withdrawals_of
from lifecycle.records.bodies.serving import RolloutRequested
from lifecycle.records.states import State
from lifecycle.serving.rollouts.status import GatewayStatus
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.serving.allowed.withdrawals import Withdrawal

#: The parts that a version has in traffic; one that stands by has none.
_IN_TRAFFIC = ("champion", "canary", "shadow", "holdout")


def outstanding(departments: Departments, states: Mapping[tuple[str, int], State], gateway: GatewayStatus) -> tuple[Withdrawal, ...]:
    """What may serve no more here, and still would: by the ledger, or by what the gateway has or has left behind. One for each version.

    `states` are those of `standing.states`.
    """
    taken_back = departments.ledger.events(types=TAKING_BACK)
    if not taken_back:
        return ()
    standing = {name for name, state in states.items() if state in ("serving", "rolling_out")}
    standing |= {(model.model, arm.version) for model in gateway.models for arm in model.versions if arm.arm in _IN_TRAFFIC}
    found: dict[tuple[str, int], Withdrawal] = {}
    for recorded in taken_back:
        for one in withdrawals_of(departments.ledger, recorded, departments.environment):
            if _concerned(departments, one, standing):
                found.setdefault((one.model, one.version), one)
    return tuple(found[name] for name in sorted(found))


def _concerned(departments: Departments, withdrawal: Withdrawal, standing: Collection[tuple[str, int]]) -> bool:
    """Whether a version is in traffic under the decision that counts no more."""
    model, version = withdrawal.model, withdrawal.version
    if (model, version) not in standing:
        return False
    requested = departments.ledger.events(
        types=("RolloutRequested",), name=model, version=version, environment=departments.environment, newest_first=True, limit=1
    )
    decision_id = body_of(requested[0], RolloutRequested).decision_id if requested else None
    return withdrawal.concerns(model, version, decision_id)
