"""What the gates are shown as evidence: read from the ledger and the store by digest, never from what a run claims."""

from __future__ import annotations

from lifecycle.declaration import GovernedModel
from lifecycle.errors import InvalidDeclaration, LifecycleError, Unavailable
from lifecycle.life.gates import standing
from lifecycle.life.recording import Step
from lifecycle.records.bodies.data import DatasetIngested
from lifecycle.records.bodies.training import ModelEvaluated, ModelTrained
from lifecycle.records.cron import checked_cron
from lifecycle.records.events import Recorded
from lifecycle.records.evidence import Evidence
from lifecycle.records.gates import DataAccessEvidence, PromotionEvidence, SignatureEvidence, TrainingBudgetEvidence
from lifecycle.records.identity import now_us
from lifecycle.records.record import Digest, digest_of
from lifecycle.wiring import Departments

#: How long a first run of a model is taken to last, before there is a run to learn from.
FIRST_ESTIMATE_SECONDS = 120.0


def data_access_evidence(model: GovernedModel, dataset: Recorded) -> DataAccessEvidence:
    """What the ledger says of a dataset, and what the model declares it for.

    Its contract is passed where it was ingested under the very contract that is declared now: an ingestion that breaks
    its contract is never recorded as one, and a contract that has changed since was never checked on it.
    """
    from lifecycle.data.contracts import contract_digest

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
        contract_passed=body.contract_digest == contract_digest(model.data.contract),
    )


def budget_evidence(departments: Departments, model: GovernedModel, device: str, step: Step) -> TrainingBudgetEvidence:
    """What the run is estimated to cost, and where the budget stands, in one currency.

    Raises InvalidDeclaration where budget and prices are in two: the gate compares numbers, and there is no exchange rate here.
    """
    from lifecycle.cost.budgets import SPENDING
    from lifecycle.cost.budgets import standing as budget_standing
    from lifecycle.cost.estimates import estimate

    budget, prices = model.budget, departments.prices
    if budget.currency != prices.currency:
        raise InvalidDeclaration(
            f"The budget of {model.name} is in {budget.currency}, but governance/prices.yaml is in {prices.currency}.",
            f"Declare the budget in {prices.currency}, or the prices in {budget.currency}.",
        )
    events = [recorded.event for recorded in departments.ledger.events(types=SPENDING, name=model.name)]
    stands = budget_standing(budget, events, now_us(), resuming=step.run_id)
    expected = estimate(prices, events, device=device, epochs=model.training.epochs, assumed_seconds=FIRST_ESTIMATE_SECONDS)
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
        monitoring_wired=_is_watched(model),
        rollback_target=target,
        first_version=champion is None,
    )


def _is_watched(model: GovernedModel) -> bool:
    """Whether the declared watch will ever look, and at something: a schedule that comes, and verdicts over some rows."""
    try:
        checked_cron(model.watch.schedule)
    except ValueError:
        return False
    return model.watch.minimum_n > 0


def _signature(departments: Departments, digest: Digest, body: ModelTrained) -> SignatureEvidence:
    from lifecycle.artifacts.signing import verify_package

    if not departments.artifacts.has(body.signature_digest):
        return SignatureEvidence(present=False, valid=False, key_id=body.signature_key)
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
