"""Where things stand: questions that every step asks of the ledger."""

from __future__ import annotations

from typing import TypeVar

from lifecycle.errors import UnknownName
from lifecycle.records.bodies import Body
from lifecycle.records.bodies.decisions import DecisionMade
from lifecycle.records.bodies.revocations import ApprovalRevoked
from lifecycle.records.bodies.training import ModelEvaluated, ModelTrained
from lifecycle.records.events import Event, Recorded
from lifecycle.records.gates import Decision, Gate
from lifecycle.records.record import Digest
from lifecycle.records.states import State
from lifecycle.wiring import Departments

BodyT = TypeVar("BodyT", bound=Body)


def body_of(recorded: Recorded, expected: type[BodyT]) -> BodyT:
    """The body of an event whose type is known."""
    body = recorded.event.body
    if not isinstance(body, expected):
        raise UnknownName(f"Event {recorded.event.id} is a {recorded.event.type}, not a {expected.__name__}.", "Name the right event.")
    return body


def states(departments: Departments) -> dict[tuple[str, int], State]:
    """The state of every (model, version) in this environment."""
    return departments.ledger.states(departments.environment)


def serving_version(departments: Departments, model: str) -> int | None:
    """The version of a model that takes the traffic here: the champion."""
    return next((version for (name, version), state in states(departments).items() if name == model and state == "serving"), None)


def newest(
    departments: Departments, body: type[BodyT], *, model: str, version: int | None = None, run_id: str | None = None
) -> Recorded | None:
    """The newest event of one type on a model or its dataset, or None."""
    found = departments.ledger.events(types=(body.__name__,), name=model, version=version, run_id=run_id, newest_first=True, limit=1)
    return found[0] if found else None


def dataset_of(departments: Departments, model: str, digest: Digest | None = None) -> Recorded:
    """The DatasetIngested of a model: of this digest, or the newest. Raises UnknownName where there is none."""
    found = departments.ledger.events(types=("DatasetIngested",), name=model, newest_first=True)
    for recorded in found:
        if digest is None or recorded.event.subject.digest == digest:
            return recorded
    raise UnknownName(
        f"No dataset {'' if digest is None else f'{digest} '}of {model} was ever ingested.",
        f"Run the job {model}_train_to_gate, or `lifecycle train {model}`.",
    )


def trained(departments: Departments, model: str, version: int) -> Recorded:
    """The ModelTrained of a version. Raises UnknownName that lists the versions that there are."""
    found = newest(departments, ModelTrained, model=model, version=version)
    if found is None:
        known = [str(r.event.subject) for r in departments.ledger.events(types=("ModelTrained",), name=model)]
        next_step = f"The versions are {', '.join(known)}." if known else f"There is none yet: `lifecycle train {model}` makes one."
        raise UnknownName(f"There is no {model}:{version} in the ledger.", next_step)
    return found


def version_of_digest(departments: Departments, model: str, digest: Digest) -> int:
    """The version whose bytes have this digest."""
    for recorded in departments.ledger.events(types=("ModelTrained",), name=model, newest_first=True):
        version = recorded.event.subject.version
        if recorded.event.subject.digest == digest and version is not None:
            return version
    raise UnknownName(
        f"No version of {model} has the digest {digest}.", "`lifecycle status` lists versions; pass a digest that the ledger knows."
    )


def evaluated(departments: Departments, model: str, version: int) -> Recorded:
    """The newest ModelEvaluated of a version."""
    found = newest(departments, ModelEvaluated, model=model, version=version)
    if found is None:
        raise UnknownName(f"{model}:{version} has not been evaluated.", f"Materialize {model}/evaluation for it first.")
    return found


def decisions(departments: Departments, model: str, version: int, gate: Gate) -> list[tuple[Event, Decision]]:
    """The decisions of one gate on a version in this environment, oldest first."""
    found = departments.ledger.events(types=("DecisionMade",), name=model, version=version, environment=departments.environment)
    made = [(recorded.event, body_of(recorded, DecisionMade).decision) for recorded in found]
    return [(event, decision) for event, decision in made if decision.gate == gate]


def taken_back(departments: Departments, model: str, version: int) -> frozenset[Digest]:
    """The statements on a version that were revoked here: approvals and waivers that count no more."""
    found = departments.ledger.events(types=("ApprovalRevoked",), name=model, version=version, environment=departments.environment)
    return frozenset(body_of(recorded, ApprovalRevoked).statement_digest for recorded in found)


def parse_version(text: str) -> tuple[str, int]:
    """`credit:7` as ("credit", 7). Raises UnknownName that shows the form."""
    model, separator, number = text.rpartition(":")
    if not separator or not model or not (number.isascii() and number.isdigit() and len(number) < 16) or int(number) < 1:
        raise UnknownName(f"{text!r} names no version.", "Write it as MODEL:NUMBER, such as credit:7.")
    return model, int(number)
