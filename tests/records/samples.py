"""One record of each kind with something in every field: what the golden lines were written from.

Whoever adds a type of event adds a sample and writes its line (`python -m tests.records.write_golden`). A line that stands is
never written again: it is what a ledger out there holds.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

from lifecycle.features import Preprocessor
from lifecycle.features.columns import CategoryColumn, NumberColumn
from lifecycle.policy.bundle import BundleDocument
from lifecycle.records import bodies, evidence, gates, manifest, rollout
from lifecycle.records.approval import STATEMENT_TYPE, Envelope, Statement
from lifecycle.records.bodies.data import ColumnProfile, ContractFailure
from lifecycle.records.bodies.governors import EnrolledKey
from lifecycle.records.bodies.serving import GuardrailVerdict, Trigger
from lifecycle.records.bodies.training import Metering
from lifecycle.records.declared import Declared
from lifecycle.records.events import Actor, Event, Link, Subject
from lifecycle.records.identity import derived_id
from lifecycle.records.prediction import PredictedOutput, Prediction
from lifecycle.records.record import Digest, Record, digest_of

AT_US = 1_800_000_000_000_000
DAY_US = 86_400_000_000
RUN = derived_id("run")


def of(what: str) -> Digest:
    """A digest that stands for these words; a digest stands for itself."""
    return what if what.startswith("sha256:") else digest_of(what.encode())


def measured(value: float) -> evidence.Measurement:
    return evidence.Measurement(value=value, low=value - 0.05, high=value + 0.0625, n=1_113)


PLAN = rollout.RolloutPlan(
    steps=(rollout.RolloutStep(weight=0.1, minimum_n=50, bake_seconds=2.5), rollout.RolloutStep(weight=1.0, minimum_n=0, bake_seconds=0.0)),
    guardrails=(rollout.Guardrail(kind="errors", alpha=0.01), rollout.Guardrail(kind="latency", objective_ms=250.0, alpha=0.005)),
    breaker=5,
    without_champion="refer",
)
DECLARED = Declared(
    owner="olga",
    team="credit_models",
    members=("ada", "olga"),
    purpose="credit_decision",
    jurisdiction="DE",
    risk_tier="high",
    limits="credit",
    limit_overrides={"minimum_auc": 0.76},
    rollout=PLAN,
    approval_valid_hours=72.0,
)
METERING = Metering(
    device="cpu",
    precision="float32",
    seconds=12.5,
    peak_memory_bytes=512_000_000,
    epochs=30,
    resumed_from_epoch=7,
    cost=0.04,
    currency="EUR",
)
ARMS = (
    rollout.ArmCounts(arm="champion", version=1, weight=0.9, requests=900, errors=1, slow=2, fallbacks=0),
    rollout.ArmCounts(arm="canary", version=2, weight=0.1, requests=100, errors=7, slow=0, fallbacks=7),
)
TRIGGER = Trigger(kind="guardrail", metric="errors", value=0.07, limit=0.01, detail="7 of 100 answers failed — “canary”")
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


def enveloped(statement: Statement) -> Envelope:
    """As an approver sends it; the signature is none, which a registry of people would notice."""
    payload = base64.b64encode(statement.canonical()).decode()
    return Envelope(payload_type=STATEMENT_TYPE, payload=payload, key_id="ed25519:1", signature=base64.b64encode(b"signed").decode())


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


def happened(body: bodies.Body, *, about: Subject | None = None, inputs: dict[str, str] | None = None, **outputs: str) -> Event:
    """An event of this body about `credit:2`, unless told otherwise; its links by the role that each plays."""
    return Event.happened(
        body,
        subject=about or Subject(kind="model", name="credit", version=2, digest=of("model 2")),
        actor=Actor(id="ada", kind="human", authenticated=True),
        environment="local",
        run_id=RUN,
        inputs=tuple(Link(role=role, digest=of(what)) for role, what in (inputs or {}).items()),
        outputs=tuple(Link(role=role, digest=of(what)) for role, what in outputs.items()),
        at_us=AT_US,
        event_id=derived_id("event", type(body).__name__, body.content_digest()),
    )


def of_data() -> Iterator[Event]:
    dataset = Subject(kind="dataset", name="credit", digest=of("dataset"))
    ingested = bodies.DatasetIngested(
        source="credit_applications.csv",
        source_digest=of("source"),
        contract="credit/1",
        contract_digest=of("contract"),
        rows=4_454,
        splits={"train": 2_670, "validation": 671, "test": 1_113},
        columns=(ColumnProfile(column="income", kind="number", missing=381, distinct=353),),
        licence="CC-BY-4.0",
        classification="personal",
        regions=("DE", "EU"),
        single_feature_auc={"income": 0.61},
        leaking_columns=(),
        duplicate_rows=24,
        suspected_label_flips=12,
    )
    yield happened(ingested, about=dataset, inputs={"source": "source"}, dataset="dataset")
    rejected = bodies.DatasetRejected(
        source="credit_applications.csv",
        source_digest=of("source"),
        contract="credit/1",
        rows=4_454,
        reason="The dataset credit breaks its contract credit/1.",
        failures=(ContractFailure(column="age", check="is at least 18", failures=2, positions=(3, 17)),),
        leaking_columns=("outcome_code",),
    )
    yield happened(rejected, about=Subject(kind="dataset", name="credit"), inputs={"source": "source"})


def of_training() -> Iterator[Event]:
    model = Subject(kind="model", name="credit")
    started = bodies.TrainingStarted(
        dataset_digest=of("dataset"),
        options={"hidden": [64, 32], "dropout": 0.1, "unknown": "bucket"},
        seed=7,
        device="cpu",
        estimated_cost=0.05,
        decision_ids=(derived_id("decision", "data_access"), derived_id("decision", "training_budget")),
        training_id=RUN,
    )
    yield happened(started, about=model, inputs={"dataset": "dataset"})
    trained = bodies.ModelTrained(
        dataset_digest=of("dataset"),
        model_digest=of("model 2"),
        signature_digest=of("signature"),
        signature_key="ecdsa-p256:1",
        declared=DECLARED,
        training_id=RUN,
        code_commit="5b728f5",
        code_author="ada",
        code_author_basis="claim",
        metering=METERING,
        validation={"auc": 0.82},
        baseline_name="hist_gradient_boosting",
        baseline_digest=of("baseline"),
    )
    yield happened(trained, inputs={"dataset": "dataset"}, model="model 2", signature="signature", baseline="baseline")
    failed = bodies.TrainingFailed(
        dataset_digest=of("dataset"), training_id=RUN, reason="The training diverged.", last_epoch=3, metering=METERING
    )
    yield happened(failed, about=model, inputs={"dataset": "dataset"})
    evaluated = bodies.ModelEvaluated(
        model_digest=of("model 2"),
        dataset_digest=of("dataset"),
        evidence_digest=of("evidence"),
        report_json_digest=of("report as JSON"),
        report_html_digest=of("report as HTML"),
        headline={"auc": measured(0.83)},
        champion_version=1,
    )
    yield happened(
        evaluated,
        inputs={"model": "model 2", "dataset": "dataset", "champion": "model 1"},
        evidence="evidence",
        report_json="report as JSON",
        report_html="report as HTML",
    )


def of_decisions() -> Iterator[Event]:
    for gate, shown in SHOWN:
        made = bodies.DecisionMade(decision=decision(gate, shown), consumed=(STATEMENT.content_digest(),))
        yield happened(made, inputs={"model": "model 2", "bundle": "bundle", "limits": "limits", "people": "people"})
    requested = bodies.ApprovalRequested(
        decision_id=derived_id("decision", "promotion"),
        required=(NEEDED,),
        model_digest=of("model 2"),
        dataset_digest=of("dataset"),
        report_digest=of("report as JSON"),
        evidence_digest=of("evidence"),
        bundle_digest=of("bundle"),
        expires_at_us=AT_US + 3 * DAY_US,
    )
    shown_to_people = {"model": "model 2", "dataset": "dataset", "bundle": "bundle"}
    yield happened(requested, inputs={**shown_to_people, "evidence": "evidence", "report_json": "report as JSON"})
    signed = {**shown_to_people, "evidence": EVIDENCE.content_digest(), "report_json": "report as JSON"}
    yield happened(bodies.ApprovalGiven(envelope=enveloped(STATEMENT)), inputs=signed, approval=STATEMENT.content_digest())
    yield happened(bodies.ApprovalRefused(envelope=enveloped(REFUSAL)), inputs=signed, approval=REFUSAL.content_digest())
    yield happened(bodies.ApprovalBarred(approver="olga", rules=("APR-MAKER",), reason="owns the model", statement_digest=of("statement")))
    yield happened(bodies.VersionRevoked(reason="The weights leaked."), inputs={"model": "model 2"})
    yield happened(bodies.VersionExpired(decision_id=derived_id("decision", "promotion")), inputs={"model": "model 2"})
    yield happened(bodies.VersionRetired(reason="Replaced for good."))


def of_serving() -> Iterator[Event]:
    out, back = derived_id("rollout"), derived_id("rollback")
    requested = bodies.RolloutRequested(
        rollout_id=out, plan=PLAN, decision_id=derived_id("decision", "deployment"), champion_version=1, champion_digest=of("model 1")
    )
    yield happened(requested, inputs={"model": "model 2", "champion": "model 1"})
    yield happened(bodies.RolloutStepReached(rollout_id=out, step=1, weight=0.1, observed=ARMS), inputs={"model": "model 2"})
    completed = bodies.RolloutCompleted(rollout_id=out, superseded_version=1, superseded_digest=of("model 1"), observed=ARMS)
    yield happened(completed, inputs={"model": "model 2", "superseded": "model 1"})
    aborted = bodies.RolloutAborted(rollout_id=out, cause="guardrail", reason="7 of 100 answers failed", observed=ARMS)
    yield happened(aborted, inputs={"model": "model 2"})
    asked = bodies.RollbackRequested(
        rollback_id=back,
        trigger=TRIGGER,
        from_version=2,
        from_digest=of("model 2"),
        to_version=1,
        to_digest=of("model 1"),
        decision_id=derived_id("decision", "rollback"),
        reason="errors",
    )
    yield happened(asked, inputs={"from": "model 2", "to": "model 1"})
    done = bodies.RolledBack(
        rollback_id=back,
        trigger=TRIGGER,
        from_version=2,
        from_digest=of("model 2"),
        to_version=1,
        to_digest=of("model 1"),
        decided_at_us=AT_US,
        actuation_us=840,
        observed=ARMS,
    )
    yield happened(done, inputs={"from": "model 2", "to": "model 1"})
    monitored = bodies.MonitoringReported(
        window_from_us=AT_US - DAY_US,
        window_to_us=AT_US,
        rows=1_000,
        labelled_rows=40,
        verdicts=(GuardrailVerdict(guardrail="drift", value=0.3, limit=0.2, verdict="breached"),),
        psi={"income": 0.3},
        summary={"requests": 1_000, "latency_ms": {"p99": 1.25}},
        report_json_digest=of("report as JSON"),
        report_html_digest=of("report as HTML"),
    )
    yield happened(monitored, inputs={"model": "model 2"}, report_json="report as JSON", report_html="report as HTML")


def of_governors() -> Iterator[Event]:
    rita = Subject(kind="person", name="rita")
    enrolled = bodies.PersonEnrolled(
        person="rita",
        roles=("risk",),
        teams=("risk_office",),
        keys=(EnrolledKey(id="ed25519:1", public="A" * 43 + "="),),
        registry="project",
        registry_digest=of("people"),
    )
    yield happened(enrolled, about=rita, people="people")
    yield happened(bodies.KeyRevoked(person="rita", key_id="ed25519:1", reason="lost — “é”, 😀"), about=rita)


def documents() -> Iterator[Record]:
    """What stands beside the ledger under its digest, or lies beside a gateway."""
    yield EVIDENCE
    yield STATEMENT
    yield decision("promotion", PROMOTION)
    yield DECLARED
    yield manifest.ModelManifest(
        model="credit",
        dataset_digest=of("dataset"),
        files=tuple(manifest.ManifestFile(part=part, path=path, digest=of(path), size=1_024) for part, path in manifest.FILE_NAMES.items()),
    )
    yield manifest.ModelSchemas(
        inputs=(
            manifest.InputColumn(name="income", kind="number", nullable=True),
            manifest.InputColumn(name="home", kind="category", nullable=False, categories=("owner", "rent")),
        ),
        positive="good",
        negative="bad",
        threshold=0.5,
    )
    yield manifest.TrainingRecipe(
        function="assets.credit.network:train_credit_network",
        options={"hidden": [64, 32]},
        seed=7,
        deterministic=True,
        device="cpu",
        precision="float32",
        epochs=30,
        dataset_digest=of("dataset"),
        code_commit="5b728f5",
        packages={"torch": "2.8.0"},
    )
    yield Preprocessor(
        columns=(
            NumberColumn(name="income", median=125.0, mean=131.5, scale=80.25, clip=10.0, nullable=True, flags_missing=True),
            CategoryColumn(name="home", vocabulary=("owner", "rent"), nullable=False, unknown="bucket"),
        )
    )
    yield BundleDocument(files={"policies/gates/promotion.rego": "package gov.promotion\n"})
    yield rollout.RolloutOrder(
        rollout_id=derived_id("rollout"),
        model="credit",
        version=2,
        digest=of("model 2"),
        environment="local",
        plan=PLAN,
        decision_id=derived_id("decision", "deployment"),
        proof=rollout.LedgerProof(
            index=5, leaf="e30=", path=("AAAA",), checkpoint="example.org/ledger\n6\nAAAA\n\n— example.org/ledger AAAA\n"
        ),
        signature_digest=of("signature"),
        run_id=RUN,
        ordered_at_us=AT_US,
        actor="ada",
    )
    yield Prediction(
        id=derived_id("prediction"),
        at_us=AT_US,
        model="credit",
        version=1,
        model_digest=of("model 1"),
        decision_id=derived_id("decision", "deployment"),
        bundle_digest=of("bundle"),
        arm="champion",
        epoch=1_800_000_000_001,
        latency_us=412,
        outcome="answered",
        output=PredictedOutput(probability=0.8125, decision="good"),
        fallback_from=2,
        input_commitment=of("commitment"),
    )


def samples() -> dict[str, list[Record]]:
    """Every sample under the name of its file: its type and the version of its form."""
    found: dict[str, list[Record]] = {}
    for event in (*of_data(), *of_training(), *of_decisions(), *of_serving(), *of_governors()):
        found.setdefault(f"{event.type}.{event.body.body_version}", []).append(event)
    for record in documents():
        version = str(getattr(record, "schema_version", "1")).rpartition("/")[2]
        found.setdefault(f"{type(record).__name__}.{version}", []).append(record)
    return found
