"""What an event says twice: its body names digests in its own words, its subject and its links name them again.

The body is what gates and people read, the links are the lineage. An event in which the two differ would let one bytes be
judged and others be shown, so verification reports it. A link that the body does not speak of is free, and so is a digest
of the body that no link repeats.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import Any

from lifecycle.records.bodies import Body
from lifecycle.records.bodies.access import AccessGranted, AccessRevoked, RefusalsSealed
from lifecycle.records.bodies.data import DatasetIngested, DatasetRejected
from lifecycle.records.bodies.decisions import ApprovalGiven, ApprovalRefused, ApprovalRequested, DecisionMade
from lifecycle.records.bodies.governors import GovernanceChanged, KeyEnrolled, PersonEnrolled, SignatureBarred, SignInRefused
from lifecycle.records.bodies.recalls import DecisionsRecalled
from lifecycle.records.bodies.reviews import ReviewGiven
from lifecycle.records.bodies.revocations import ApprovalRevoked, Revocation, VersionRevoked
from lifecycle.records.bodies.serving import (
    MonitoringReported,
    PredictionsSealed,
    RollbackRequested,
    RolledBack,
    RolloutCompleted,
    RolloutEnd,
    RolloutRequested,
)
from lifecycle.records.bodies.training import ModelEvaluated, ModelTrained, TrainingFailed, TrainingStarted
from lifecycle.records.events import Event, Link

_Fields = Mapping[type[Body], Mapping[str, str]]

#: What the body says of the subject, and of the place: the part of the event, and the body's field.
_ABOUT: _Fields = {
    ModelTrained: {"subject.digest": "model_digest"},
    ModelEvaluated: {"subject.digest": "model_digest"},
    ApprovalRequested: {"subject.digest": "model_digest"},
    DecisionMade: {
        "subject.name": "decision.input.subject.name",
        "subject.version": "decision.input.subject.version",
        "subject.digest": "decision.input.subject.digest",
        "environment": "decision.input.target.environment",
    },
    AccessGranted: {"subject.name": "grant_id"},
    AccessRevoked: {"subject.name": "grant_id"},
    PersonEnrolled: {"subject.name": "person"},
    KeyEnrolled: {"subject.name": "person"},
    SignInRefused: {"subject.name": "person"},
    SignatureBarred: {"subject.name": "person"},
    ReviewGiven: {"subject.name": "statement.model", "subject.version": "statement.version", "environment": "statement.environment"},
}
_SIGNED = {
    "model": "statement.model_digest",
    "dataset": "statement.dataset_digest",
    "evidence": "statement.evidence_digest",
    "report_json": "statement.report_digest",
    "bundle": "statement.bundle_digest",
}
_SWAP = {"from": "from_digest", "to": "to_digest"}
_REPORTS = {"report_json": "report_json_digest", "report_html": "report_html_digest"}
#: The role of an input, and the body's field of the same digest.
_INPUTS: _Fields = {
    DatasetIngested: {"source": "source_digest"},
    DatasetRejected: {"source": "source_digest"},
    TrainingStarted: {"dataset": "dataset_digest"},
    TrainingFailed: {"dataset": "dataset_digest"},
    ModelTrained: {"dataset": "dataset_digest"},
    ModelEvaluated: {"model": "model_digest", "dataset": "dataset_digest"},
    DecisionMade: {
        "bundle": "decision.policy.bundle_digest",
        "limits": "decision.policy.limits_digest",
        "people": "decision.policy.people_digest",
    },
    ApprovalRequested: {
        "model": "model_digest",
        "dataset": "dataset_digest",
        "evidence": "evidence_digest",
        "report_json": "report_digest",
        "bundle": "bundle_digest",
    },
    ApprovalGiven: _SIGNED,
    ApprovalRefused: _SIGNED,
    RolloutRequested: {"champion": "champion_digest"},
    RolloutCompleted: {"superseded": "superseded_digest"},
    RollbackRequested: _SWAP,
    DecisionsRecalled: {"by": "by_digest"},
    RolledBack: _SWAP,
    ApprovalRevoked: {"approval": "statement_digest"},
}
#: The role of an output, and the body's field of the same digest.
_OUTPUTS: _Fields = {
    ModelTrained: {"model": "model_digest", "signature": "signature_digest", "baseline": "baseline_digest"},
    ModelEvaluated: {"evidence": "evidence_digest", **_REPORTS},
    MonitoringReported: _REPORTS,
    PersonEnrolled: {"people": "registry_digest"},
    KeyEnrolled: {"people": "registry_digest"},
    PredictionsSealed: {"predictions": "root"},
    RefusalsSealed: {"refusals": "root"},
    DecisionsRecalled: {"recall": "list_digest"},
    GovernanceChanged: {"bundle": "bundle_digest", "people": "people_digest"},
}


def disagreements(event: Event) -> Iterator[str]:
    """Each thing that an event says twice and differently, as the end of a sentence that begins with its name."""
    body = type(event.body)
    for part, field in _ABOUT.get(body, {}).items():
        yield from _compared(part, _at(event, part), field, _at(event.body, field))
    for end, links, fields in (("input", event.inputs, _INPUTS.get(body, {})), ("output", event.outputs, _OUTPUTS.get(body, {}))):
        for link in links:
            if link.role in fields:
                yield from _compared(f"{end} {link.role}", link.digest, fields[link.role], _at(event.body, fields[link.role]))
    yield from _about_other_bytes(event)
    yield from _taken_back_otherwise(event)
    yield from _ended_otherwise(event)
    if isinstance(event.body, DecisionMade):
        decision = event.body.decision
        yield from _compared("decision.gate", decision.gate, "decision.input.gate", decision.input.gate)
        yield from _compared("decision.gate", decision.gate, "decision.result.gate", decision.result.gate)
        yield from _compared("decision.input_digest", decision.input_digest, "decision.input", decision.input.content_digest())


def _about_other_bytes(event: Event) -> Iterator[str]:
    """A subject with a digest is the model, the dataset or the statement that the links name in its role."""
    digest = event.subject.digest
    links: tuple[Link, ...] = (*event.inputs, *event.outputs)
    if digest is not None:
        for link in links:
            if link.role == event.subject.kind:
                yield from _compared(f"link {link.role}", link.digest, "subject.digest", digest)
    if isinstance(event.body, ApprovalGiven | ApprovalRefused):
        for link in event.outputs:
            if link.role == "approval":
                yield from _compared("output approval", link.digest, "statement", event.body.statement.content_digest())


def _taken_back_otherwise(event: Event) -> Iterator[str]:
    """Whoever signs a revocation says where it counts, and of which bytes."""
    body, subject = event.body, event.subject
    statement = body.statement if isinstance(body, Revocation) else None
    if statement is None:
        return
    yield from _compared("environment", event.environment, "statement.environment", statement.environment)
    if subject.kind == "model":
        yield from _compared("subject.digest", subject.digest, "statement.model_digest", statement.model_digest)
    if isinstance(body, VersionRevoked):
        yield from _compared("subject", str(subject), "statement.target", statement.target)


def _ended_otherwise(event: Event) -> Iterator[str]:
    """Whoever signs the end of a rollout says where, and of which bytes."""
    statement = event.body.statement if isinstance(event.body, RolloutEnd) else None
    if statement is None:
        return
    yield from _compared("environment", event.environment, "statement.environment", statement.environment)
    yield from _compared("subject.name", event.subject.name, "statement.model", statement.model)
    yield from _compared("subject.version", event.subject.version, "statement.version", statement.version)
    yield from _compared("subject.digest", event.subject.digest, "statement.model_digest", statement.model_digest)


def _compared(part: str, said: Any, field: str, also_said: Any) -> Iterator[str]:
    if said != also_said:
        yield f"says twice and differently what it is about: its {part} is {said}, its {field} is {also_said}"


def _at(record: Any, path: str) -> Any:
    return attrgetter(path)(record)
