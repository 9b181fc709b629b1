"""What each gate is shown: assembled from the ledger, the declaration and the store, never from what a run claims."""

from __future__ import annotations

from lifecycle.declaration import GovernedModel
from lifecycle.errors import LifecycleError, Unavailable
from lifecycle.life import standing
from lifecycle.life.recording import Step
from lifecycle.records.bodies.data import DatasetIngested
from lifecycle.records.bodies.decisions import ApprovalGiven, ApprovalRefused, DecisionMade
from lifecycle.records.bodies.training import ModelEvaluated, ModelTrained
from lifecycle.records.events import Recorded
from lifecycle.records.evidence import Evidence
from lifecycle.records.gates import (
    DataAccessEvidence,
    DeploymentEvidence,
    Gate,
    GateEvidence,
    GateInput,
    GateSubject,
    GateTarget,
    Maker,
    PromotionEvidence,
    Request,
    RollbackEvidence,
    SignatureEvidence,
    TrainingBudgetEvidence,
    VerifiedApproval,
)
from lifecycle.records.identity import new_id, now_us
from lifecycle.records.record import Digest, digest_of
from lifecycle.wiring import Departments

#: How long a first run of a model is taken to last, before there is a run to learn from.
FIRST_ESTIMATE_SECONDS = 120.0


def gate_input(
    departments: Departments,
    model: GovernedModel,
    gate: Gate,
    evidence: GateEvidence,
    step: Step,
    *,
    subject: GateSubject,
    approvals: tuple[VerifiedApproval, ...] = (),
    reason: str = "",
) -> GateInput:
    """The whole input of a gate, at this moment."""
    return GateInput(
        gate=gate,
        now_us=now_us(),
        request=Request(id=new_id(), actor=step.requester, reason=reason),
        subject=subject,
        target=GateTarget(environment=departments.environment, jurisdiction=model.jurisdiction, purpose=model.purpose),
        approvals=approvals,
        waivers=(),
        evidence=evidence,
    )


def model_subject(departments: Departments, model: GovernedModel, recorded: Recorded, step: Step) -> GateSubject:
    """The version as a gate sees it, with everybody who had a part in it."""
    subject, body = recorded.event.subject, standing.body_of(recorded, ModelTrained)
    trainer = recorded.event.actor
    makers = [*_team(departments, model), *_requesters(departments, model, step)]
    if trainer.authenticated:
        makers.append(Maker(id=trainer.id, part="trainer", basis="fact"))
    if body.code_author:
        makers.append(Maker(id=body.code_author, part="author", basis="fact" if body.code_author_basis == "fact" else "claim"))
    return _subject(model, "model", tuple(dict.fromkeys(makers)), subject.version, subject.digest)


def dataset_subject(departments: Departments, model: GovernedModel, digest: Digest | None, step: Step) -> GateSubject:
    makers = (*_team(departments, model), *_requesters(departments, model, step))
    return _subject(model, "dataset", makers, None, digest)


def _subject(model: GovernedModel, kind: str, makers: tuple[Maker, ...], version: int | None, digest: Digest | None) -> GateSubject:
    return GateSubject(
        kind="model" if kind == "model" else "dataset",
        name=model.name,
        version=version,
        digest=digest,
        risk_tier=model.risk_tier,
        limits=model.limits,
        limit_overrides=model.limit_overrides,
        makers=makers,
    )


def _team(departments: Departments, model: GovernedModel) -> tuple[Maker, ...]:
    """The owner and the whole team: they had a part in it whoever pressed the button."""
    members = departments.people.members(model.team)
    owner, team = Maker(id=model.owner, part="owner", basis="fact"), Maker(id=model.team, part="team", basis="fact")
    return (owner, team, *(Maker(id=member, part="team", basis="fact") for member in members))


def _requesters(departments: Departments, model: GovernedModel, step: Step) -> tuple[Maker, ...]:
    """Who asked. Nobody authenticated means that the owner and the whole team count as having asked and trained."""
    if step.requester.authenticated:
        return (Maker(id=step.requester.id, part="requester", basis="fact"),)
    everybody = (model.owner, *departments.people.members(model.team))
    return tuple(Maker(id=person, part="requester", basis="claim") for person in everybody)


def data_access_evidence(model: GovernedModel, dataset: Recorded) -> DataAccessEvidence:
    body, digest = standing.body_of(dataset, DatasetIngested), dataset.event.subject.digest
    assert digest is not None  # a DatasetIngested is written with one
    return DataAccessEvidence(
        dataset_digest=digest,
        classification=model.data.classification,
        contains_personal_data=model.data.contains_personal_data,
        regions=body.regions,
        licence=body.licence,
        purposes=model.data.purposes,
        rows=body.rows,
        leaking_columns=body.leaking_columns,
        largest_single_feature_auc=max(body.single_feature_auc.values(), default=0.5),
        duplicate_share=body.duplicate_rows / max(body.rows, 1),
        label_flip_share=body.suspected_label_flips / max(body.rows, 1),
        contract_passed=True,
    )


def budget_evidence(departments: Departments, model: GovernedModel, device: str, step: Step) -> TrainingBudgetEvidence:
    from lifecycle.cost.budgets import SPENDING
    from lifecycle.cost.budgets import standing as budget_standing
    from lifecycle.cost.estimates import estimate

    events = [recorded.event for recorded in departments.ledger.events(types=SPENDING, name=model.name)]
    stands = budget_standing(model.budget, events, now_us(), resuming=step.run_id)
    expected = estimate(departments.prices, events, device=device, epochs=model.training.epochs, assumed_seconds=FIRST_ESTIMATE_SECONDS)
    return TrainingBudgetEvidence(
        estimated_cost=expected.cost,
        spent_cost=stands.spent + stands.reserved,
        budget_cost=stands.amount,
        currency=expected.currency,
        device=device,
        period_started_at_us=stands.period_started_at_us,
    )


def promotion_evidence(departments: Departments, model: GovernedModel, trained: Recorded) -> PromotionEvidence:
    """The evidence document of the version, read by digest, with what the ledger and the store say of its bytes."""
    subject = trained.event.subject
    assert subject.version is not None  # a ModelTrained is written with both
    assert subject.digest is not None
    body = standing.body_of(trained, ModelTrained)
    evaluated = standing.body_of(standing.evaluated(departments, model.name, subject.version), ModelEvaluated)
    document = departments.artifacts.read(evaluated.evidence_digest)
    evidence = Evidence.parse(document)
    missing = _missing_lineage(departments, model.name, body)
    champion = standing.serving_version(departments, model.name)
    target = None if champion in (None, subject.version) else standing.trained(departments, model.name, champion).event.subject.digest
    dataset = standing.body_of(standing.dataset_of(departments, model.name, body.dataset_digest), DatasetIngested) if not missing else None
    return PromotionEvidence(
        evaluation=evidence,
        evaluation_digest=digest_of(document),
        report_digest=evaluated.report_json_digest,
        signature=_signature(departments, subject.digest, body),
        lineage_complete=not missing,
        missing_lineage=missing,
        formats=_formats(departments, subject.digest),
        leaking_columns=dataset.leaking_columns if dataset else ("unknown",),
        monitoring_wired=bool(model.watch.schedule),
        rollback_target=target,
        first_version=champion is None,
    )


def _signature(departments: Departments, digest: Digest, body: ModelTrained) -> SignatureEvidence:
    from lifecycle.artifacts.signing import verify_package

    try:
        verify_package(departments.artifacts, digest, body.signature_digest, departments.signing_public_key)
    except Unavailable:
        # A store that does not answer now says nothing about the signature, and a denial would be for good.
        raise
    except LifecycleError:
        return SignatureEvidence(present=True, valid=False, key_id=body.signature_key)
    return SignatureEvidence(present=True, valid=True, key_id=body.signature_key)


def _formats(departments: Departments, digest: Digest) -> tuple[str, ...]:
    """The formats of the files that the manifest names, from their names: those are the only ones ever loaded."""
    from lifecycle.artifacts.packages import read_manifest

    manifest = read_manifest(departments.artifacts, digest)
    return tuple(sorted({file.path.rpartition(".")[2] for file in manifest.files}))


def _missing_lineage(departments: Departments, model: str, body: ModelTrained) -> tuple[str, ...]:
    """Digests that the version came from which the ledger or the store does not hold."""
    known = {r.event.subject.digest for r in departments.ledger.events(types=("DatasetIngested",), name=model)}
    missing = [] if body.dataset_digest in known else [f"dataset {body.dataset_digest}"]
    for role, digest in (("dataset", body.dataset_digest), ("model", body.model_digest), ("signature", body.signature_digest)):
        if not departments.artifacts.has(digest):
            missing.append(f"{role} {digest}")
    return tuple(dict.fromkeys(missing))


def promotion_input(
    departments: Departments, model: GovernedModel, version: int, step: Step, approvals: tuple[VerifiedApproval, ...]
) -> GateInput:
    trained = standing.trained(departments, model.name, version)
    evidence = promotion_evidence(departments, model, trained)
    subject = model_subject(departments, model, trained, step)
    return gate_input(departments, model, "promotion", evidence, step, subject=subject, approvals=approvals)


def deployment_input(departments: Departments, model: GovernedModel, version: int, step: Step) -> GateInput:
    """What the deployment gate sees: the promotion that allowed it, its evidence afresh, and every verified approval."""
    trained = standing.trained(departments, model.name, version)
    promotions = standing.decisions(departments, model.name, version, "promotion")
    event, promotion = promotions[-1] if promotions else (None, None)
    state = standing.states(departments).get((model.name, version))
    evidence = DeploymentEvidence(
        promotion_decision_id=promotion.id if promotion else "",
        promotion_outcome=promotion.result.outcome if promotion else "deny",
        promotion_subject_digest=(event.subject.digest if event and event.subject.digest else "sha256:" + "0" * 64),
        promotion=promotion_evidence(departments, model, trained),
        strategy=model.rollout.strategy,
        first_weight=model.rollout.steps[0].weight,
        revoked=state in ("revoked", "retired"),
    )
    subject = model_subject(departments, model, trained, step)
    approvals = approvals_for(departments, model.name, version)
    return gate_input(departments, model, "deployment", evidence, step, subject=subject, approvals=approvals)


def rollback_input(
    departments: Departments, model: GovernedModel, evidence: RollbackEvidence, version: int, step: Step, reason: str
) -> GateInput:
    subject = model_subject(departments, model, standing.trained(departments, model.name, version), step)
    return gate_input(departments, model, "rollback", evidence, step, subject=subject, reason=reason)


def approvals_for(departments: Departments, model: str, version: int) -> tuple[VerifiedApproval, ...]:
    """Every approval and refusal of a version here whose signature, person and key verify now.

    One that does not verify any more (a revoked key, a person who left) is not an approval.
    """
    from lifecycle.approvals.statements import verified_approval

    consumed: set[str] = set()
    found: list[VerifiedApproval] = []
    for recorded in departments.ledger.events(types=("DecisionMade",), name=model, version=version):
        consumed.update(standing.body_of(recorded, DecisionMade).consumed)
    for recorded in departments.ledger.events(types=("ApprovalGiven", "ApprovalRefused"), name=model, version=version):
        body = recorded.event.body
        if isinstance(body, ApprovalGiven | ApprovalRefused):
            approval = verified_approval(recorded.event.id, body.envelope, departments.people, consumed=recorded.event.id in consumed)
            if approval is not None:
                found.append(approval)
    return tuple(found)
