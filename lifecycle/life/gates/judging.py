"""What each gate is shown: assembled from the ledger, the declaration and the store, never from what a run claims."""

from __future__ import annotations

from typing import Literal, Protocol

from lifecycle.declaration import GovernedModel
from lifecycle.life.gates import showing, standing
from lifecycle.life.gates.waivers import waivers_for
from lifecycle.life.people.in_force import people_in_force
from lifecycle.life.recording import Step
from lifecycle.records.bodies.decisions import ApprovalGiven, ApprovalRefused, DecisionMade
from lifecycle.records.bodies.training import ModelTrained
from lifecycle.records.declared import Declared
from lifecycle.records.events import Recorded
from lifecycle.records.gates import (
    BREAK_GLASS,
    DeploymentEvidence,
    Gate,
    GateEvidence,
    GateInput,
    GateSubject,
    GateTarget,
    Maker,
    Request,
    RiskTier,
    RollbackEvidence,
    VerifiedApproval,
    Waiver,
    WaiverEvidence,
)
from lifecycle.records.identity import new_id, now_us
from lifecycle.records.record import ActorId, Digest, Name
from lifecycle.wiring import Departments


class Judged(Protocol):
    """What a gate judges by: a declaration, or what was declared when a version was trained."""

    @property
    def owner(self) -> ActorId: ...
    @property
    def team(self) -> Name: ...
    @property
    def purpose(self) -> Name: ...
    @property
    def jurisdiction(self) -> str: ...
    @property
    def risk_tier(self) -> RiskTier: ...
    @property
    def limits(self) -> Name: ...
    @property
    def limit_overrides(self) -> dict[Name, float]: ...


def gate_input(
    departments: Departments,
    judged: Judged,
    gate: Gate,
    evidence: GateEvidence,
    step: Step,
    *,
    subject: GateSubject,
    approvals: tuple[VerifiedApproval, ...] = (),
    waivers: tuple[Waiver, ...] = (),
    reason: str = "",
) -> GateInput:
    """The whole input of a gate, at this moment."""
    return GateInput(
        gate=gate,
        now_us=now_us(),
        request=Request(id=new_id(), actor=step.requester, reason=reason, break_glass=_under_glass(evidence, waivers)),
        subject=subject,
        target=GateTarget(environment=departments.environment, jurisdiction=judged.jurisdiction, purpose=judged.purpose),
        approvals=approvals,
        waivers=waivers,
        evidence=evidence,
    )


def _under_glass(evidence: GateEvidence, waivers: tuple[Waiver, ...]) -> bool:
    """Whether this is asked in an emergency: to break the glass, or under one that is broken."""
    asked = isinstance(evidence, WaiverEvidence) and evidence.rule == BREAK_GLASS
    return asked or any(waiver.rule == BREAK_GLASS for waiver in waivers)


def declared_of(trained: Recorded) -> Declared:
    """What a version is judged by: the declaration of its training, and not that of today."""
    return standing.body_of(trained, ModelTrained).declared


def model_subject(departments: Departments, recorded: Recorded, step: Step) -> GateSubject:
    """The version as a gate sees it, with everybody who ever had a part in it: then, since, and now."""
    subject, body = recorded.event.subject, standing.body_of(recorded, ModelTrained)
    declared, trainer = body.declared, recorded.event.actor
    makers = [*_team(departments, declared), *_requesters(departments, declared, step), *_makers_before(departments, recorded)]
    makers += [Maker(id=member, part="team", basis="fact") for member in declared.members]
    if trainer.authenticated:
        makers.append(Maker(id=trainer.id, part="trainer", basis="fact"))
    if body.code_author:
        makers.append(Maker(id=body.code_author, part="author", basis="fact" if body.code_author_basis == "fact" else "claim"))
    return _subject(declared, "model", subject.name, tuple(dict.fromkeys(makers)), subject.version, subject.digest)


def dataset_subject(departments: Departments, model: GovernedModel, digest: Digest | None, step: Step) -> GateSubject:
    makers = (*_team(departments, model), *_requesters(departments, model, step))
    return _subject(model, "dataset", model.name, makers, None, digest)


def _subject(
    judged: Judged, kind: Literal["model", "dataset"], name: Name, makers: tuple[Maker, ...], version: int | None, digest: Digest | None
) -> GateSubject:
    return GateSubject(
        kind=kind,
        name=name,
        version=version,
        digest=digest,
        risk_tier=judged.risk_tier,
        limits=judged.limits,
        limit_overrides=judged.limit_overrides,
        makers=makers,
    )


def _team(departments: Departments, judged: Judged) -> tuple[Maker, ...]:
    """The owner and the whole team: they had a part in it whoever pressed the button."""
    members = departments.people.members(judged.team)
    owner, team = Maker(id=judged.owner, part="owner", basis="fact"), Maker(id=judged.team, part="team", basis="fact")
    return (owner, team, *(Maker(id=member, part="team", basis="fact") for member in members))


def _requesters(departments: Departments, judged: Judged, step: Step) -> tuple[Maker, ...]:
    """Who asked. Nobody authenticated means that the owner and the whole team count as having asked and trained."""
    if step.requester.authenticated:
        return (Maker(id=step.requester.id, part="requester", basis="fact"),)
    everybody = (judged.owner, *departments.people.members(judged.team))
    return tuple(Maker(id=person, part="requester", basis="claim") for person in everybody)


def _makers_before(departments: Departments, trained: Recorded) -> list[Maker]:
    """Whoever counted as a maker in any decision on the version or on the run that trained it: leaving a team undoes no part."""
    subject, run_id = trained.event.subject, trained.event.run_id
    about = departments.ledger.events(types=("DecisionMade",), name=subject.name, version=subject.version)
    of_its_run = departments.ledger.events(types=("DecisionMade",), name=subject.name, run_id=run_id) if run_id is not None else []
    return [maker for recorded in (*of_its_run, *about) for maker in standing.body_of(recorded, DecisionMade).decision.input.subject.makers]


def promotion_input(
    departments: Departments, model: GovernedModel, version: int, step: Step, approvals: tuple[VerifiedApproval, ...]
) -> GateInput:
    trained = standing.trained(departments, model.name, version)
    evidence = showing.promotion_evidence(departments, model, trained)
    subject = model_subject(departments, trained, step)
    waivers = waivers_for(departments, model.name, version)
    return gate_input(departments, declared_of(trained), "promotion", evidence, step, subject=subject, approvals=approvals, waivers=waivers)


def deployment_input(departments: Departments, model: GovernedModel, version: int, step: Step) -> GateInput:
    """What the deployment gate sees: the promotion that allowed it, its evidence afresh, and every verified approval."""
    trained = standing.trained(departments, model.name, version)
    promotions = standing.decisions(departments, model.name, version, "promotion")
    event, promotion = promotions[-1] if promotions else (None, None)
    state = standing.states(departments).get((model.name, version))
    declared = declared_of(trained)
    evidence = DeploymentEvidence(
        promotion_decision_id=promotion.id if promotion else "",
        promotion_outcome=promotion.result.outcome if promotion else "deny",
        promotion_subject_digest=(event.subject.digest if event and event.subject.digest else "sha256:" + "0" * 64),
        promotion=showing.promotion_evidence(departments, model, trained),
        strategy=declared.rollout.strategy,
        first_weight=declared.rollout.first_weight,
        plan_digest=declared.rollout.content_digest(),
        revoked=state in ("revoked", "retired"),
    )
    subject = model_subject(departments, trained, step)
    approvals = approvals_for(departments, model.name, version)
    waivers = waivers_for(departments, model.name, version)
    return gate_input(departments, declared, "deployment", evidence, step, subject=subject, approvals=approvals, waivers=waivers)


def rollback_input(
    departments: Departments, model: GovernedModel, evidence: RollbackEvidence, version: int, step: Step, reason: str
) -> GateInput:
    trained = standing.trained(departments, model.name, version)
    subject = model_subject(departments, trained, step)
    return gate_input(departments, declared_of(trained), "rollback", evidence, step, subject=subject, reason=reason)


def approvals_for(departments: Departments, model: str, version: int) -> tuple[VerifiedApproval, ...]:
    """Every approval and refusal of a version whose signature, person and key verify now, each once.

    One that does not verify any more (a revoked key, a person who left) is not an approval; nor is one that was revoked, that was
    signed for another version, or a second record of the same statement or nonce.
    """
    from lifecycle.approvals.statements import verified_approval

    people, void = people_in_force(departments), standing.taken_back(departments, model, version)
    consumed: set[Digest] = set()
    seen: set[tuple[str, str]] = set()
    found: list[VerifiedApproval] = []
    for recorded in departments.ledger.events(types=("DecisionMade",), name=model, version=version):
        consumed.update(standing.body_of(recorded, DecisionMade).consumed)
    for recorded in departments.ledger.events(types=("ApprovalGiven", "ApprovalRefused"), name=model, version=version):
        body = recorded.event.body
        if not isinstance(body, ApprovalGiven | ApprovalRefused):
            continue
        statement = body.statement
        used = statement.content_digest() in consumed
        approval = verified_approval(recorded.event.id, body.envelope, people, consumed=used)
        signature = (statement.approver, statement.nonce)
        if (
            approval is None
            or statement.content_digest() in void
            or (statement.model, statement.version) != (model, version)
            or signature in seen
        ):
            continue
        seen.add(signature)
        found.append(approval)
    return tuple(found)
