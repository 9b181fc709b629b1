"""What serves where: the versions that take traffic as the gateway says it, what the ledger knows of them, and the way back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lifecycle.errors import Refused
from lifecycle.life.gates import judging, standing
from lifecycle.life.outstanding import outstanding
from lifecycle.life.overview import gateway_status
from lifecycle.life.people.rollout_words import ROLES, makers_of
from lifecycle.life.rollback import Way, recorded_rollback, way_back
from lifecycle.records.events import Recorded
from lifecycle.records.identity import new_id, now_us
from lifecycle.records.record import ActorId, Id, Microseconds, Name, Version
from lifecycle.records.rollout import RolloutPlan
from lifecycle.records.states import State
from lifecycle.serving.rollouts.status import GatewayStatus, ModelStatus
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.serving.allowed.withdrawals import Withdrawal

#: How many rollbacks of a model are shown, newest first; the ledger holds them all.
ROLLBACKS_SHOWN = 5


@dataclass(frozen=True)
class UnderWay:
    """A rollout that a person may end, and whether its plan leaves the promotion to one. The rules say who may; this is what is offered."""

    version: Version
    waits_for_a_person: bool
    owner: ActorId
    makers: frozenset[ActorId]

    def may_promote(self, person: ActorId, roles: Collection[Name]) -> bool:
        return self.waits_for_a_person and person not in self.makers and not {*roles}.isdisjoint(ROLES)

    def may_end(self, person: ActorId, roles: Collection[Name]) -> bool:
        return person == self.owner or not {*roles}.isdisjoint(ROLES)


@dataclass(frozen=True)
class ServedModel:
    """One model: its versions, what the gateway says of it, and where a rollback would lead."""

    name: str
    description: str
    owner: str
    states: Mapping[int, State]
    #: None where the gateway knows nothing of the model.
    status: ModelStatus | None
    plan: RolloutPlan
    #: None where none is, and where the gateway does not answer.
    under_way: UnderWay | None
    #: None where there is no way back, and then why.
    way: Way | None
    no_way: str
    rollbacks: tuple[Recorded, ...]
    #: Names one attempt at a rollback, so that a second press of the button is the same one.
    step: Id

    @property
    def serving(self) -> int | None:
        return next((version for version, state in self.states.items() if state == "serving"), None)

    @property
    def rolling_out(self) -> int | None:
        return next((version for version, state in self.states.items() if state == "rolling_out"), None)


@dataclass(frozen=True)
class ServingView:
    """What the page shows. `gateway` is what it left behind where it does not run."""

    environment: str
    gateway: GatewayStatus
    models: tuple[ServedModel, ...]
    #: What may serve no more, and has not been taken out yet.
    outstanding: tuple[Withdrawal, ...]
    #: The rollback that was just asked for, as the ledger has it.
    done: Recorded | None
    read_at_us: Microseconds


def serving_view(departments: Departments, done: str | None = None) -> ServingView:
    """What serves. `done` is the id of a rollback, to be told of in words."""
    gateway = gateway_status(departments)
    states = standing.states(departments)
    return ServingView(
        environment=departments.environment,
        gateway=gateway,
        models=tuple(_model(departments, name, gateway, states) for name in (model.name for model in departments.models)),
        outstanding=outstanding(departments, states, gateway),
        done=recorded_rollback(departments, done) if done else None,
        read_at_us=now_us(),
    )


def _model(departments: Departments, name: str, gateway: GatewayStatus, states: Mapping[tuple[str, int], State]) -> ServedModel:
    declared = departments.model(name)
    way: Way | None = None
    no_way = ""
    try:
        way = way_back(departments, name)
    except Refused as refused:
        no_way = refused.what
    rolled_back = departments.ledger.events(
        types=("RolledBack",), name=name, environment=departments.environment, newest_first=True, limit=ROLLBACKS_SHOWN
    )
    status = next((status for status in gateway.models if status.model == name), None)
    return ServedModel(
        name=name,
        description=declared.description,
        owner=declared.owner,
        states={version: state for (model, version), state in sorted(states.items()) if model == name},
        status=status,
        plan=declared.rollout,
        under_way=_under_way(departments, status) if gateway.running and status is not None else None,
        way=way,
        no_way=no_way,
        rollbacks=tuple(rolled_back),
        step=new_id(),
    )


def _under_way(departments: Departments, status: ModelStatus) -> UnderWay | None:
    rollout = status.rollout
    if rollout is None:
        return None
    trained = standing.trained(departments, rollout.model, rollout.version)
    declared = judging.declared_of(trained)
    # The controller of a cluster takes no plan that waits for a person.
    return UnderWay(rollout.version, not declared.rollout.promotes_itself, declared.owner, makers_of(departments, trained))
