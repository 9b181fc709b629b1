"""A whole life in a ledger that lives in memory: what the demo does, event by event, without doing any of it.

Version 1 waits, is barred to its maker, is approved, serves and is watched. Version 2 is denied. Version 3 is allowed, breaks as a
canary and is rolled back.
"""

from __future__ import annotations

from lifecycle.records.bodies.data import ColumnProfile, DatasetIngested, DatasetRejected
from lifecycle.records.bodies.decisions import ApprovalBarred, ApprovalGiven, ApprovalRequested, DecisionMade
from lifecycle.records.bodies.governors import EnrolledKey, PersonEnrolled
from lifecycle.records.bodies.revocations import VersionRevoked
from lifecycle.records.bodies.serving import (
    GuardrailVerdict,
    MonitoringReported,
    RolledBack,
    RolloutAborted,
    RolloutCompleted,
    RolloutRequested,
    RolloutStepReached,
    Trigger,
)
from lifecycle.records.bodies.training import ModelEvaluated, ModelTrained, TrainingFailed, TrainingStarted
from lifecycle.records.events import Subject
from lifecycle.records.evidence import Evidence, Measurement, Parity
from lifecycle.records.gates import (
    DataAccessEvidence,
    Decision,
    DeploymentEvidence,
    Gate,
    GateEvidence,
    GateInput,
    GateResult,
    GateSubject,
    GateTarget,
    Outcome,
    PolicyIdentity,
    PromotionEvidence,
    Request,
    Requester,
    RequiredApproval,
    SignatureEvidence,
    VerifiedApproval,
    Violation,
)
from lifecycle.records.rollout import RolloutPlan, RolloutStep
from tests.lineage.in_memory import (
    BUNDLE,
    DATA,
    DATASET,
    ENGINEER,
    LIMITS,
    PEOPLE,
    RISK_OFFICER,
    SOURCE,
    START_US,
    Ledger,
    digest,
    metering,
    model_digest,
    subject,
)
from tests.lineage.statements import RITA_S_PUBLIC_KEY, rita_s_statement, unsigned
from tests.records.declarations import declared


def whole_life() -> Ledger:
    """The ledger after everything above has happened."""
    ledger = Ledger()
    ingested(ledger)
    first_version(ledger)
    trained(ledger, 2)
    evaluated(ledger, 2, champion=1)
    decided(ledger, "promotion-2", promotion(2), "deny", 2)
    third_version(ledger)
    return ledger


def ingested(ledger: Ledger) -> None:
    body = DatasetIngested(
        source="credit_applications.csv",
        source_digest=SOURCE,
        contract="credit applications",
        contract_digest=digest("contract"),
        rows=4_454,
        splits={"train": 2_672, "validation": 668, "test": 1_114},
        columns=(ColumnProfile(column="age", kind="number", missing=0, distinct=50),),
        licence="CC0-1.0",
        classification="personal",
        regions=("EU",),
        single_feature_auc={"age": 0.6},
        leaking_columns=(),
        duplicate_rows=0,
        suspected_label_flips=3,
    )
    ledger.add(body, DATA, inputs={"source": SOURCE}, outputs={"dataset": DATASET}, event_id="ingested")


def rejected(ledger: Ledger) -> None:
    body = DatasetRejected(
        source="broken.csv", source_digest=SOURCE, contract="credit", rows=3, reason="a column is missing", failures=(), leaking_columns=()
    )
    ledger.add(body, Subject(kind="dataset", name="credit"), inputs={"source": SOURCE}, event_id="rejected")


def first_version(ledger: Ledger) -> None:
    decided(ledger, "access-1", access(), "allow", None)
    trained(ledger, 1, allowed_by=("access-1",))
    evaluated(ledger, 1)
    decided(ledger, "promotion-1", promotion(1), "needs_approval", 1)
    asked = ApprovalRequested(
        decision_id="promotion-1",
        required=(RequiredApproval(role="risk", count=1, given=0, distinct_from=()),),
        model_digest=model_digest(1),
        dataset_digest=DATASET,
        report_digest=digest("report 1"),
        evidence_digest=digest("evidence 1"),
        bundle_digest=BUNDLE,
        expires_at_us=START_US + 10**12,
    )
    ledger.add(asked, subject(1), event_id="asked-1")
    barred = ApprovalBarred(approver="dora", rules=("SOD-001",), reason="dora trained it", statement_digest=digest("statement of dora"))
    ledger.add(barred, subject(1), actor=ENGINEER, event_id="barred-1")
    approved(ledger)
    decided(ledger, "promotion-1-again", promotion(1), "allow", 1, approvals=(verified(),))
    decided(ledger, "deployment-1", deployment(1, "promotion-1-again", plan(0.1, 0.5, 1.0)), "allow", 1, approvals=(verified(),))
    requested = RolloutRequested(
        rollout_id="rollout-1", plan=plan(0.1, 0.5, 1.0), decision_id="deployment-1", champion_version=None, champion_digest=None
    )
    ledger.add(requested, subject(1), inputs={"model": model_digest(1)}, event_id="rollout-requested-1")
    for step, weight in enumerate((0.1, 0.5)):
        ledger.add(RolloutStepReached(rollout_id="rollout-1", step=step, weight=weight, observed=()), subject(1), event_id=f"step-{step}")
    completed = RolloutCompleted(rollout_id="rollout-1", superseded_version=None, superseded_digest=None, observed=())
    ledger.add(completed, subject(1), event_id="completed-1")
    watched(ledger)


def watched(ledger: Ledger) -> None:
    body = MonitoringReported(
        window_from_us=START_US,
        window_to_us=START_US + 1,
        rows=1_114,
        labelled_rows=0,
        verdicts=(GuardrailVerdict(guardrail="errors", value=0.0, limit=0.01, verdict="holds"),),
        psi={"age": 0.01},
        summary={},
        report_json_digest=digest("watch json"),
        report_html_digest=digest("watch html"),
    )
    ledger.add(body, subject(1), outputs={"report_json": digest("watch json"), "report_html": digest("watch html")})


def third_version(ledger: Ledger) -> None:
    trained(ledger, 3)
    evaluated(ledger, 3, champion=1)
    decided(ledger, "promotion-3", promotion(3), "allow", 3)
    decided(ledger, "deployment-3", deployment(3, "promotion-3", plan(1.0)), "allow", 3)
    requested = RolloutRequested(
        rollout_id="rollout-3", plan=plan(1.0), decision_id="deployment-3", champion_version=1, champion_digest=model_digest(1)
    )
    ledger.add(requested, subject(3), inputs={"model": model_digest(3)}, event_id="rollout-requested-3")
    back = RolledBack(
        rollback_id="rollback-3",
        trigger=Trigger(kind="guardrail", metric="errors", value=0.4, limit=0.01, detail="e-process over 1/alpha"),
        from_version=3,
        from_digest=model_digest(3),
        to_version=1,
        to_digest=model_digest(1),
        decided_at_us=START_US,
        actuation_us=2_600,
        observed=(),
    )
    ledger.add(back, subject(3), inputs={"from": model_digest(3), "to": model_digest(1)}, event_id="rolled-back-3", run_id=None)
    aborted = RolloutAborted(rollout_id="rollout-3", cause="guardrail", reason="errors", observed=())
    ledger.add(aborted, subject(3), event_id="aborted-3", run_id=None)


def trained(ledger: Ledger, version: int, *, allowed_by: tuple[str, ...] = (), run_id: str | None = None) -> None:
    run = run_id or f"run-{version}"
    start = TrainingStarted(dataset_digest=DATASET, options={}, seed=7, device="cpu", estimated_cost=0.01, decision_ids=allowed_by)
    ledger.add(start, subject(None), run_id=run, inputs={"dataset": DATASET}, event_id=f"started-{version}")
    body = ModelTrained(
        dataset_digest=DATASET,
        model_digest=model_digest(version),
        signature_digest=digest(f"signature {version}"),
        signature_key="key-1",
        declared=declared(),
        training_id=f"training-{version}",
        code_commit="c0ffee",
        code_author="dora",
        code_author_basis="claim",
        metering=metering(),
        validation={"auc": 0.83},
        baseline_name="gradient boosting",
        baseline_digest=digest("baseline"),
    )
    ledger.add(
        body,
        subject(version),
        run_id=run,
        inputs={"dataset": DATASET},
        outputs={"model": model_digest(version), "signature": digest(f"signature {version}"), "baseline": digest("baseline")},
        event_id=f"trained-{version}",
    )


def training_failed(ledger: Ledger) -> None:
    body = TrainingFailed(dataset_digest=DATASET, training_id="training-9", reason="out of memory", last_epoch=2, metering=metering())
    ledger.add(body, subject(None), inputs={"dataset": DATASET}, event_id="failed-9")


def evaluated(ledger: Ledger, version: int, champion: int | None = None) -> None:
    body = ModelEvaluated(
        model_digest=model_digest(version),
        dataset_digest=DATASET,
        evidence_digest=digest(f"evidence {version}"),
        report_json_digest=digest(f"report {version}"),
        report_html_digest=digest(f"page {version}"),
        headline={"auc": Measurement(value=0.83, low=0.80, high=0.86, n=1_114)},
        champion_version=champion,
    )
    inputs = {"model": model_digest(version), "dataset": DATASET} | ({"champion": model_digest(champion)} if champion else {})
    ledger.add(body, subject(version), run_id=f"run-{version}", inputs=inputs, event_id=f"evaluated-{version}")


def approved(ledger: Ledger) -> None:
    statement = rita_s_statement()
    ledger.add(
        ApprovalGiven(envelope=unsigned(statement)),
        subject(1),
        actor=RISK_OFFICER,
        run_id=None,
        outputs={"approval": statement.content_digest()},
        event_id="approved-1",
    )


def enrolled(ledger: Ledger) -> None:
    key = EnrolledKey(id="key-of-rita", public=RITA_S_PUBLIC_KEY)
    body = PersonEnrolled(person="rita", roles=("risk",), teams=(), keys=(key,), registry="home", registry_digest=PEOPLE)
    ledger.add(body, Subject(kind="person", name="rita"), run_id=None, event_id="enrolled-rita")


def revoked(ledger: Ledger, version: int) -> None:
    ledger.add(VersionRevoked(reason="it leaked"), subject(version), actor=RISK_OFFICER, event_id=f"revoked-{version}")


def verified() -> VerifiedApproval:
    return VerifiedApproval(
        event_id="approved-1",
        statement_digest=rita_s_statement().content_digest(),
        approver="rita",
        also=(),
        roles=("risk",),
        decision="approve",
        subject_digest=model_digest(1),
        dataset_digest=DATASET,
        report_digest=digest("report 1"),
        evidence_digest=digest("evidence 1"),
        bundle_digest=BUNDLE,
        environment="local",
        approved_at_us=START_US,
        expires_at_us=START_US + 10**12,
        consumed=False,
    )


def access() -> DataAccessEvidence:
    return DataAccessEvidence(
        dataset_digest=DATASET,
        classification="personal",
        contains_personal_data=True,
        regions=("EU",),
        licence="CC0-1.0",
        purposes=("credit",),
        rows=4_454,
        leaking_columns=(),
        largest_single_feature_auc=0.6,
        duplicate_share=0.0,
        label_flip_share=0.0,
        contract_passed=True,
    )


def promotion(version: int) -> PromotionEvidence:
    evidence = Evidence(
        model="credit",
        version=version,
        model_digest=model_digest(version),
        dataset_digest=DATASET,
        rows=1_114,
        threshold=0.5,
        metrics={},
        baseline={},
        baseline_name="gradient boosting",
        slices=(),
        fairness=(),
        parity=Parity(rows=1, largest_difference=0.0),
        drift=(),
        against_champion=None,
        report_json_digest=digest(f"report {version}"),
        report_html_digest=digest(f"page {version}"),
        computed_with={},
    )
    return PromotionEvidence(
        evaluation=evidence,
        evaluation_digest=digest(f"evidence {version}"),
        report_digest=digest(f"report {version}"),
        signature=SignatureEvidence(present=True, valid=True, key_id="key-1"),
        lineage_complete=True,
        missing_lineage=(),
        formats=("onnx", "safetensors"),
        leaking_columns=(),
        monitoring_wired=True,
        rollback_target=None,
        first_version=version == 1,
    )


def plan(*weights: float) -> RolloutPlan:
    return RolloutPlan(steps=tuple(RolloutStep(weight=weight, minimum_n=10, bake_seconds=0.0) for weight in weights), guardrails=())


def deployment(version: int, promoted_by: str, ordered: RolloutPlan) -> DeploymentEvidence:
    return DeploymentEvidence(
        promotion_decision_id=promoted_by,
        promotion_outcome="allow",
        promotion_subject_digest=model_digest(version),
        promotion=promotion(version),
        strategy="canary",
        first_weight=ordered.steps[0].weight,
        plan_digest=ordered.content_digest(),
        revoked=False,
    )


GATES: dict[type, Gate] = {DataAccessEvidence: "data_access", PromotionEvidence: "promotion", DeploymentEvidence: "deployment"}


def decided(
    ledger: Ledger,
    decision_id: str,
    evidence: GateEvidence,
    outcome: Outcome,
    version: int | None,
    *,
    approvals: tuple[VerifiedApproval, ...] = (),
) -> None:
    gate = GATES[type(evidence)]
    about = DATA if version is None else subject(version)
    asked = GateInput(
        gate=gate,
        now_us=START_US,
        request=Request(id="request", actor=Requester(id="dagster", kind="service", roles=(), authenticated=False), reason=""),
        subject=GateSubject(
            kind="dataset" if version is None else "model",
            name="credit",
            version=version,
            digest=about.digest,
            risk_tier="high",
            limits="credit",
            limit_overrides={},
            makers=(),
        ),
        target=GateTarget(environment="local", jurisdiction="DE", purpose="credit decisions"),
        approvals=approvals,
        waivers=(),
        evidence=evidence,
    )
    fairness = Violation(
        rule="PRM-006", severity="high", message="the difference is too large", controls=(), subject="credit", observed="", limit="", fix=""
    )
    result = GateResult(
        gate=gate,
        allow=outcome == "allow",
        outcome=outcome,
        violations=(fairness,) if outcome == "deny" else (),
        waived=(),
        warnings=(),
        evaluated=("PRM-006",),
        obligations=(),
        required_approvals=(RequiredApproval(role="risk", count=1, given=len(approvals), distinct_from=()),) if gate == "promotion" else (),
    )
    policy = PolicyIdentity(
        package=f"gov.{gate}", bundle_digest=BUNDLE, limits_digest=LIMITS, people_digest=PEOPLE, engine="embedded", engine_version="1.5.2"
    )
    decision = Decision(
        id=decision_id, gate=gate, input_digest=digest(decision_id), input=asked, result=result, policy=policy, decided_in_us=100
    )
    shown = {"dataset": DATASET} if version is None else {"model": model_digest(version), "evidence": digest(f"evidence {version}")}
    governed = {"bundle": BUNDLE, "limits": LIMITS, "people": PEOPLE}
    consumed = tuple(approval.statement_digest for approval in approvals)
    ledger.add(DecisionMade(decision=decision, consumed=consumed), about, inputs={**shown, **governed}, event_id=f"decided-{decision_id}")
