"""What gates and people are shown, and what they say, with something in every field."""

from __future__ import annotations

import base64

from lifecycle.records import evidence, gates
from lifecycle.records.access import Quota
from lifecycle.records.approval import Envelope, GovernanceStatement, ReviewStatement, RolloutStatement, Statement, WaiverStatement
from lifecycle.records.identity import derived_id
from tests.records.samples.parts import AT_US, DAY_US, PLAN, measured, of

GROUPS = (
    evidence.GroupRates(group="30+", n=800, enough_data=True, selection_rate=0.7, true_positive_rate=0.85, false_positive_rate=0.3),
    evidence.GroupRates(group="<30", n=12, enough_data=False, selection_rate=None, true_positive_rate=None, false_positive_rate=None),
)
COMPARISON = evidence.Comparison(metric="auc", candidate=measured(0.83), champion=measured(0.81), difference=measured(0.02))
EVIDENCE = evidence.Evidence(
    model="credit",
    version=2,
    model_digest=of("model 2"),
    dataset_digest=of("dataset"),
    rows=1_113,
    threshold=0.5,
    metrics={"auc": measured(0.83), "accuracy": measured(0.8)},
    baseline={"auc": measured(0.82)},
    baseline_name="hist_gradient_boosting",
    slices=(evidence.SliceMetrics(column="home", group="owner", n=500, enough_data=True, metrics={"auc": measured(0.84)}),),
    fairness=(
        evidence.Fairness(
            attribute="age_band",
            minimum_n=50,
            verdict="measured",
            groups=GROUPS,
            demographic_parity_difference=measured(0.1),
            demographic_parity_ratio=measured(0.86),
            equalised_odds_difference=measured(0.12),
        ),
        evidence.Fairness(
            attribute="marital",
            minimum_n=50,
            verdict="not_enough_data",
            groups=(),
            demographic_parity_difference=None,
            demographic_parity_ratio=None,
            equalised_odds_difference=None,
        ),
    ),
    parity=evidence.Parity(rows=1_113, largest_difference=1.1920928955078125e-07),
    drift=(evidence.ColumnDrift(column="income", psi=0.0125),),
    against_champion=evidence.AgainstChampion(
        champion_version=1,
        champion_digest=of("model 1"),
        comparisons=(COMPARISON,),
        slices=(evidence.SliceComparison(column="home", group="owner", n=500, enough_data=True, comparisons=(COMPARISON,)),),
    ),
    report_json_digest=of("report as JSON"),
    report_html_digest=of("report as HTML"),
    computed_with={"python": "3.11.7", "packages": {"numpy": "2.3.1"}, "intervals": {"level": 0.95, "resamples": 1000, "seed": 7}},
)
PROMOTION = gates.PromotionEvidence(
    evaluation=EVIDENCE,
    evaluation_digest=EVIDENCE.content_digest(),
    report_digest=of("report as JSON"),
    signature=gates.SignatureEvidence(present=True, valid=True, key_id="ecdsa-p256:1"),
    lineage_complete=False,
    missing_lineage=("source",),
    formats=("onnx", "safetensors"),
    leaking_columns=(),
    monitoring_wired=True,
    rollback_target=of("model 1"),
    first_version=False,
)
SHOWN: tuple[tuple[gates.Gate, gates.GateEvidence], ...] = (
    (
        "data_access",
        gates.DataAccessEvidence(
            dataset_digest=of("dataset"),
            classification="personal",
            contains_personal_data=True,
            regions=("DE", "EU"),
            licence="CC-BY-4.0",
            purposes=("credit_decision",),
            rows=4_454,
            leaking_columns=("outcome_code",),
            largest_single_feature_auc=0.97,
            duplicate_share=0.01,
            label_flip_share=0.02,
            contract_passed=True,
        ),
    ),
    (
        "training_budget",
        gates.TrainingBudgetEvidence(
            estimated_cost=0.5, spent_cost=10.25, budget_cost=50.0, currency="EUR", device="cuda", period_started_at_us=AT_US - DAY_US
        ),
    ),
    ("promotion", PROMOTION),
    (
        "deployment",
        gates.DeploymentEvidence(
            promotion_decision_id=derived_id("decision", "promotion"),
            promotion_outcome="allow",
            promotion_subject_digest=of("model 2"),
            promotion=PROMOTION,
            strategy="canary",
            first_weight=0.1,
            plan_digest=PLAN.content_digest(),
            revoked=False,
        ),
    ),
    (
        "rollback",
        gates.RollbackEvidence(
            trigger="guardrail",
            metric="errors",
            value=0.07,
            limit=0.01,
            from_digest=of("model 2"),
            to_digest=of("model 1"),
            to_version=1,
            to_was_allowed=True,
            to_revoked=False,
        ),
    ),
    (
        "waiver",
        gates.WaiverEvidence(
            waiver_id=derived_id("waiver"),
            rule="PRM-004",
            ticket="RISK-7",
            expires_at_us=AT_US + DAY_US,
            signatures=(
                gates.WaiverSignature(
                    event_id=derived_id("waiver signature"),
                    statement_digest=of("waiver statement"),
                    signer="rita",
                    also=("risk_office",),
                    roles=("risk",),
                    signed_at_us=AT_US,
                ),
            ),
        ),
    ),
    (
        "serving_access",
        gates.ServingAccessEvidence(
            grant_id=derived_id("grant"),
            principal="loan_portal",
            kind="api_key",
            credential_digest=of("key"),
            models=("credit",),
            purpose="credit_decision",
            tier="standard",
            quota=Quota(requests_per_minute=600, rows_per_day=100_000, concurrent=16),
            granted_at_us=AT_US,
            expires_at_us=AT_US + 90 * DAY_US,
            revoked=False,
            deployment_decision_id=derived_id("decision", "deployment"),
            version_revoked=False,
        ),
    ),
)
STATEMENT = Statement(
    decision="approve",
    approver="rita",
    reason="The limits hold — 10 % of the traffic first; “é”, 😀.",
    model="credit",
    version=2,
    model_digest=of("model 2"),
    dataset_digest=of("dataset"),
    report_digest=of("report as JSON"),
    evidence_digest=EVIDENCE.content_digest(),
    bundle_digest=of("bundle"),
    environment="local",
    requested_by_decision=derived_id("decision", "promotion"),
    nonce="00112233445566778899aabbccddeeff",
    signed_at_us=AT_US,
    expires_at_us=AT_US + 3 * DAY_US,
)
REFUSAL = STATEMENT.model_copy(update={"decision": "reject", "nonce": "ffeeddccbbaa99887766554433221100"})
NEEDED = gates.RequiredApproval(role="risk", count=2, given=1, distinct_from=("olga", "ada"))


GOVERNANCE = GovernanceStatement(
    part="agree",
    signer="rita",
    reason="Read, and tried on last year's decisions.",
    proposal_id=derived_id("proposal"),
    bundle_digest=of("bundle"),
    people_digest=of("people"),
    previous_bundle_digest=of("bundle before"),
    previous_people_digest=of("people before"),
    nonce="00112233445566778899aabbccddeeff",
    signed_at_us=AT_US,
    expires_at_us=AT_US + 3 * DAY_US,
)


REVIEW = ReviewStatement(
    event_id=derived_id("glass"),
    verdict="justified",
    signer="otto",
    reason="The champion refused every row of the new form — “é”, 😀",
    model="credit",
    version=2,
    environment="local",
    nonce="ffeeddccbbaa99887766554433221100",
    signed_at_us=AT_US,
    expires_at_us=AT_US + DAY_US,
)
PROMOTED = RolloutStatement(
    part="promote",
    rollout_id=derived_id("rollout"),
    signer="olga",
    reason="It sells more.",
    model="credit",
    version=2,
    model_digest=of("model 2"),
    environment="local",
    nonce="a0b1c2d3e4f5061728394a5b6c7d8e9f",
    signed_at_us=AT_US,
    expires_at_us=AT_US + DAY_US,
)
WAIVER = WaiverStatement(
    waiver_id=derived_id("waiver"),
    signer="rita",
    reason="Too few rows of the last quarter; the next one is judged anew.",
    ticket="RISK-7",
    rule="PRM-004",
    model="credit",
    version=2,
    model_digest=of("model 2"),
    environment="local",
    expires_at_us=AT_US + 3 * DAY_US,
    nonce="00112233445566778899aabbccddeeff",
    signed_at_us=AT_US,
)


def enveloped(
    statement: Statement | GovernanceStatement | WaiverStatement | ReviewStatement | RolloutStatement,
    payload_type: str = Statement.payload_type,
) -> Envelope:
    """As a signer sends it; the signature is none, which a registry of people would notice."""
    payload = base64.b64encode(statement.canonical()).decode()
    return Envelope(payload_type=payload_type, payload=payload, key_id="ed25519:1", signature=base64.b64encode(b"signed").decode())


def decision(gate: gates.Gate, shown: gates.GateEvidence) -> gates.Decision:
    """A decision with something in every field of the contract."""
    subject = gates.GateSubject(
        kind="model",
        name="credit",
        version=2,
        digest=of("model 2"),
        risk_tier="high",
        limits="credit",
        limit_overrides={"minimum_auc": 0.76},
        makers=(gates.Maker(id="olga", part="owner", basis="fact"), gates.Maker(id="ada", part="author", basis="claim")),
    )
    approval = gates.VerifiedApproval(
        event_id=derived_id("event", "approval"),
        statement_digest=STATEMENT.content_digest(),
        approver="rita",
        also=("risk",),
        roles=("risk",),
        decision="approve",
        subject_digest=of("model 2"),
        dataset_digest=of("dataset"),
        report_digest=of("report as JSON"),
        evidence_digest=EVIDENCE.content_digest(),
        bundle_digest=of("bundle"),
        environment="local",
        approved_at_us=AT_US,
        expires_at_us=AT_US + 3 * DAY_US,
        consumed=False,
    )
    waiver = gates.Waiver(
        rule="EVAL-AUC", subject_digest=of("model 2"), granted_by=("rita", "sam"), expires_at_us=AT_US + DAY_US, ticket="RISK-7"
    )
    requester = gates.Requester(id="ada", kind="human", roles=("engineer",), authenticated=True)
    asked = gates.GateInput(
        gate=gate,
        now_us=AT_US,
        request=gates.Request(
            id=derived_id("request", gate), actor=requester, reason="the monthly training", ticket="ML-42", break_glass=False
        ),
        subject=subject,
        target=gates.GateTarget(environment="local", jurisdiction="DE", purpose="credit_decision"),
        approvals=(approval,),
        waivers=(waiver,),
        evidence=shown,
    )
    violation = gates.Violation(
        rule="EVAL-AUC",
        severity="high",
        message="the AUC is below its limit",
        controls=("EU-AI-ACT-15",),
        subject="credit:2",
        observed="0.75",
        limit="0.76",
        fix="Train on more rows.",
    )
    result = gates.GateResult(
        gate=gate,
        allow=False,
        outcome="needs_approval",
        violations=(violation,),
        waived=(violation,),
        warnings=(violation,),
        evaluated=("EVAL-AUC",),
        obligations=(gates.Obligation(id="watch", kind="notify", parameters={"to": "risk", "hours": 24}, deadline_us=AT_US + DAY_US),),
        required_approvals=(NEEDED,),
    )
    policy = gates.PolicyIdentity(
        package=f"gov.{gate}",
        bundle_digest=of("bundle"),
        limits_digest=of("limits"),
        people_digest=of("people"),
        engine="regorus",
        engine_version="0.9.0",
    )
    return gates.Decision(
        id=derived_id("decision", gate),
        gate=gate,
        input_digest=asked.content_digest(),
        input=asked,
        result=result,
        policy=policy,
        decided_in_us=1_250,
    )
