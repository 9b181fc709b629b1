"""One event of each type, and of a decision one for each gate."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle.records import bodies
from lifecycle.records.access import Quota
from lifecycle.records.approval import GovernanceStatement, ReviewStatement, RolloutStatement, WaiverStatement
from lifecycle.records.bodies.access import RefusedCount
from lifecycle.records.bodies.data import ColumnProfile, ContractFailure
from lifecycle.records.bodies.governors import EnrolledKey
from lifecycle.records.bodies.keeping import ClosedVersion, ErasedRows, LeafRange
from lifecycle.records.bodies.serving import GuardrailVerdict, SealedVersion
from lifecycle.records.events import Event, Subject
from lifecycle.records.gates import ServingAccessEvidence
from lifecycle.records.identity import Commitment, derived_id
from lifecycle.records.passkeys import Assertion
from tests.records.samples.judging import (
    EVIDENCE,
    GOVERNANCE,
    NEEDED,
    PROMOTED,
    PROMOTION,
    REFUSAL,
    REVIEW,
    SHOWN,
    STATEMENT,
    WAIVER,
    decision,
    enveloped,
)
from tests.records.samples.parts import (
    ARMS,
    AT_US,
    DAY_US,
    DECLARED,
    METERING,
    PASSKEY,
    PASSKEY_PUBLIC,
    PLAN,
    RUN,
    TRIGGER,
    happened,
    measured,
    of,
)
from tests.records.samples.revocations import of_revocations, signed_access


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
    committed = ingested.model_copy(update={"row_commitments_digest": of("row commitments")})
    in_its_stream = happened(committed, about=dataset, inputs={"source": "source"}, dataset="dataset").model_copy(update={"sequence": 2})
    yield in_its_stream
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
    logged = decision("promotion", PROMOTION).model_copy(update={"logged_as": derived_id("decision", "logged")})
    yield happened(bodies.DecisionMade(decision=logged, consumed=()), inputs={"model": "model 2", "bundle": "bundle"})
    (asked,) = (shown for _, shown in SHOWN if isinstance(shown, ServingAccessEvidence))
    with_labels = decision("serving_access", asked.model_copy(update={"labels": "own"}))
    yield happened(bodies.DecisionMade(decision=with_labels, consumed=()), inputs={"model": "model 2", "bundle": "bundle"})
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
    by_passkey = enveloped(STATEMENT).model_copy(
        update={"key_id": "passkey:1", "assertion": Assertion(authenticator_data="AAAA", client_data="e30=")}
    )
    yield happened(bodies.ApprovalGiven(envelope=by_passkey), inputs=signed, approval=STATEMENT.content_digest())
    yield happened(bodies.ApprovalRefused(envelope=enveloped(REFUSAL)), inputs=signed, approval=REFUSAL.content_digest())
    yield happened(bodies.ApprovalBarred(approver="olga", rules=("APR-MAKER",), reason="owns the model", statement_digest=of("statement")))
    yield happened(bodies.WaiverSigned(envelope=enveloped(WAIVER, WaiverStatement.payload_type)), inputs={"model": "model 2"})
    broken = bodies.GlassBroken(
        waiver_id=derived_id("waiver"),
        decision_id=derived_id("decision", "waiver"),
        signed_by=("otto", "rita"),
        ends_at_us=AT_US + DAY_US,
        review_by_us=AT_US + 3 * DAY_US,
    )
    yield happened(broken, inputs={"model": "model 2"})
    yield happened(bodies.ReviewGiven(envelope=enveloped(REVIEW, ReviewStatement.payload_type)), inputs={"model": "model 2"})
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
    by_hand = completed.model_copy(update={"promoted_by": "olga", "reason": "It sells more.", "holdout": 0.05})
    yield happened(by_hand, inputs={"model": "model 2", "superseded": "model 1"})
    signed = {"promoted_by": "olga", "reason": "It sells more.", "envelope": enveloped(PROMOTED, RolloutStatement.payload_type)}
    yield happened(completed.model_copy(update=signed), inputs={"model": "model 2", "superseded": "model 1"})
    aborted = bodies.RolloutAborted(rollout_id=out, cause="guardrail", reason="7 of 100 answers failed", observed=ARMS)
    yield happened(aborted, inputs={"model": "model 2"})
    ended = aborted.model_copy(update={"cause": "person", "reason": "No difference.", "ended_by": "olga"})
    yield happened(ended, inputs={"model": "model 2"})
    word = PROMOTED.model_copy(update={"part": "end", "reason": "No difference."})
    yield happened(ended.model_copy(update={"envelope": enveloped(word, RolloutStatement.payload_type)}), inputs={"model": "model 2"})
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


def of_sealing() -> Iterator[Event]:
    answered = SealedVersion(
        version=2,
        model_digest=of("model 2"),
        decision_id=derived_id("decision", "deployment"),
        bundle_digest=of("bundle"),
        arm="champion",
        rows=3,
    )
    sealed = bodies.PredictionsSealed(
        segment="01763910000000000-0-4711.jsonl",
        stream=derived_id("stream"),
        number=1,
        rows=3,
        from_us=AT_US - DAY_US,
        to_us=AT_US,
        root=of("rows"),
        versions=(answered,),
    )
    yield happened(sealed, about=Subject(kind="model", name="credit"), predictions="rows")
    without = sealed.model_copy(update={"number": 2, "rows_dropped": 7})
    yield happened(without, about=Subject(kind="model", name="credit"), predictions="rows")
    recalled = bodies.DecisionsRecalled(
        since_us=AT_US - DAY_US,
        by_version=6,
        by_digest=of("champion"),
        decisions=1_000,
        rescored=980,
        differing=41,
        erased=12,
        altered=1,
        not_taken=7,
        unread=3,
        list_digest=of("recall"),
    )
    yield happened(recalled, inputs={"by": "champion"}, recall="recall")


def of_access() -> Iterator[Event]:
    grant = Subject(kind="key", name=derived_id("grant"))
    granted = bodies.AccessGranted(
        grant_id=grant.name,
        principal="loan_portal",
        kind="certificate",
        credential_digest=of("loan-portal.example"),
        certificate_name="loan-portal.example",
        models=("credit",),
        purpose="credit_decision",
        tier="standard",
        quota=Quota(requests_per_minute=600, rows_per_day=100_000, concurrent=16),
        expires_at_us=AT_US + 90 * DAY_US,
        reason="The portal — its “production” part, 😀.",
    )
    yield happened(granted, about=grant)
    yield happened(bodies.AccessRevoked(grant_id=grant.name, principal="loan_portal", reason="The portal was replaced."), about=grant)
    yield from signed_access(granted, about=grant)
    refused = bodies.RefusalsSealed(
        segment="01763910000000000-0-4711.jsonl",
        stream=derived_id("stream of refusals"),
        number=1,
        lines=2,
        refused=(RefusedCount(reason="no_credential", requests=1_000), RefusedCount(reason="quota", requests=1)),
        from_us=AT_US - DAY_US,
        to_us=AT_US,
        root=of("refusals"),
    )
    yield happened(refused, about=Subject(kind="policy", name="serving_access"), refusals="refusals")
    yield next(signed_access(granted.model_copy(update={"labels": "any"}), about=grant))


def of_governance() -> Iterator[Event]:
    policies = Subject(kind="policy", name="governance")
    proposed = GOVERNANCE.model_copy(update={"part": "propose", "signer": "olga"})
    yield happened(bodies.GovernanceProposed(envelope=enveloped(proposed, GovernanceStatement.payload_type)), about=policies)
    yield happened(bodies.GovernanceSigned(envelope=enveloped(GOVERNANCE, GovernanceStatement.payload_type)), about=policies)
    changed = bodies.GovernanceChanged(
        proposal_id=GOVERNANCE.proposal_id,
        bundle_digest=of("bundle"),
        people_digest=of("people"),
        proposed_by="olga",
        agreed_by=("rita", "rob"),
    )
    yield happened(changed, about=policies, bundle="bundle", people="people")


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
    known = enrolled.model_copy(update={"directory": Commitment(digest=of("what the directory says"))})
    yield happened(known, about=rita, people="people")
    passkey = EnrolledKey(id="passkey:1", public=PASSKEY_PUBLIC, passkey=PASSKEY)
    at_once = bodies.KeyEnrolled(person="rita", key=passkey, registry="home", registry_digest=of("people"))
    yield happened(at_once, about=rita, people="people")
    refused = bodies.SignInRefused(person="rita", key_id="passkey:1", rules=("KEY-COUNTER",), reason="The passkey's count went back.")
    yield happened(refused, about=rita)
    forged = bodies.SignatureBarred(
        person="rita",
        about="waiver",
        statement_digest=of("statement"),
        rules=("KEY-CHALLENGE",),
        reason="The passkey signed something else.",
    )
    yield happened(forged, about=rita)
    unmade = bodies.SignatureBarred(person="rita", about="governance", rules=("KEY-ENROLLED",), reason="This key is not enrolled for rita.")
    yield happened(unmade, about=rita)
    yield from of_governance()
    yield happened(bodies.KeyRevoked(person="rita", key_id="ed25519:1", reason="lost — “é”, 😀"), about=rita)


def of_keeping() -> Iterator[Event]:
    ledger = Subject(kind="ledger", name="ledger")
    rotated = bodies.LogKeyRotated(
        old_key="example.org/ledger+0a1b2c3d+AXN0",
        new_key="example.org/ledger+4d5e6f70+AXN1",
        from_size=40,
        old_until_size=44,
        reason="The yearly change.",
        old_signature="A" * 86 + "==",
        new_signature="B" * 86 + "==",
    )
    yield happened(rotated, about=Subject(kind="key", name="log"))
    erased = bodies.SubjectErased(
        erasure_id=derived_id("erasure"),
        reason="Asked to be forgotten.",
        openings=(of("opening"),),
        predictions=(of("row"),),
        datasets=(ErasedRows(dataset_digest=of("dataset"), rows=(3, 17), remaining_digest=of("what is left")),),
    )
    yield happened(erased, about=ledger)
    pruned = bodies.BodiesPruned(
        rule="closed versions",
        ranges=(LeafRange(start=3, end=9),),
        count=6,
        columns_digest=of("columns"),
        before_us=AT_US - DAY_US,
        policy_digest=of("retention"),
        closed_versions=(ClosedVersion(model="credit", version=1),),
    )
    yield happened(pruned, about=ledger)
    hold = derived_id("hold")
    yield happened(bodies.LegalHoldPlaced(hold_id=hold, name="credit", reason="Case 12/2026."), about=ledger)
    somebody = Commitment(digest=of("whom the hold is on"))
    yield happened(bodies.LegalHoldPlaced(hold_id=hold, name=None, reason="Case 13/2026.", subject=somebody), about=ledger)
    yield happened(bodies.LegalHoldReleased(hold_id=hold, reason="The case is closed."), about=ledger)
    restored = bodies.LedgerRestored(
        backup_size=12, backup_root=of("root"), last_known="example.org/ledger\n14\nAAAA\n\n— x y\n", lost=2, reason="The disk died."
    )
    yield happened(restored, about=ledger)


def happenings() -> Iterator[Event]:
    """All of them."""
    yield from (*of_data(), *of_training(), *of_decisions(), *of_serving(), *of_sealing(), *of_access(), *of_governors(), *of_keeping())
    yield from of_revocations()
