"""The decision contract: what a gate is asked (`gov.input/1`) and what it answers (`gov.decision/1`).

The strict schema is applied before any engine sees the input, because engines disagree on types that do
not fit. Times are integer microseconds. Nothing in here is optional for convenience: what is missing is
said to be missing.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag

from lifecycle.records.access import CredentialKind, LabelRight, Quota
from lifecycle.records.evidence import Evidence
from lifecycle.records.record import ActorId, Count, Digest, Id, JsonObject, Microseconds, Name, Record, Version, is_none
from lifecycle.records.rollout import Strategy

Gate = Literal["data_access", "training_budget", "promotion", "deployment", "rollback", "serving_access", "waiver"]
Outcome = Literal["allow", "deny", "needs_approval"]
Severity = Literal["critical", "high", "medium", "low"]
RiskTier = Literal["low", "medium", "high"]
#: What an OPA server calls a decision in its own decision log: a UUID, unless the server was built to name them otherwise.
LOGGED_ID = r"^[A-Za-z0-9_.:-]{1,128}$"
LoggedId = Annotated[str, StringConstraints(pattern=LOGGED_ID)]


#: What a waiver names in place of a rule that lets a version past all rules which an emergency may break, at once and shortly.
BREAK_GLASS = "BREAK-GLASS"


class Requester(Record):
    """Who asks. `authenticated` is false for a run from Dagster's open-source pages, which know nobody."""

    id: ActorId
    kind: Literal["human", "service"]
    roles: tuple[Name, ...]
    authenticated: bool


class Request(Record):
    id: str
    actor: Requester
    reason: str
    ticket: str = ""
    break_glass: bool = False


class Maker(Record):
    """A person who had a part in what is judged, and so may not approve it."""

    id: ActorId
    part: Literal["requester", "trainer", "author", "owner", "team", "data_owner"]
    #: `fact` where a signature or an authenticated session says so, `claim` where only a text does.
    basis: Literal["fact", "claim"]


class GateSubject(Record):
    kind: Literal["model", "dataset", "run"]
    name: Name
    version: Version | None
    digest: Digest | None
    risk_tier: RiskTier
    #: The set of limits in governance/limits that applies, and what the declaration overrides of it by name.
    limits: Name
    limit_overrides: dict[Name, float]
    makers: tuple[Maker, ...]


class GateTarget(Record):
    environment: Name
    jurisdiction: str
    purpose: str


class VerifiedApproval(Record):
    """One approval whose signature, person, key, nonce and digests were verified outside the policy."""

    event_id: str
    #: What was signed. An approval is used up under this digest, whatever event holds it.
    statement_digest: Digest
    approver: ActorId
    #: Every other id under which the approver acts: groups, teams and delegations in force.
    also: tuple[str, ...]
    roles: tuple[Name, ...]
    decision: Literal["approve", "reject"]
    subject_digest: Digest
    dataset_digest: Digest
    report_digest: Digest
    evidence_digest: Digest
    bundle_digest: Digest
    environment: Name
    approved_at_us: Microseconds
    expires_at_us: Microseconds
    verified: Literal[True] = True
    consumed: bool


class Waiver(Record):
    rule: str
    subject_digest: Digest
    granted_by: tuple[ActorId, ...]
    expires_at_us: Microseconds
    ticket: str


class DataAccessEvidence(Record):
    dataset_digest: Digest
    classification: Literal["public", "internal", "confidential", "personal"]
    contains_personal_data: bool
    regions: tuple[str, ...]
    licence: str
    purposes: tuple[str, ...]
    rows: Count
    #: Columns whose single-feature AUC says that they know the answer, and what the leakage check measured.
    leaking_columns: tuple[str, ...]
    largest_single_feature_auc: float
    duplicate_share: float
    label_flip_share: float
    contract_passed: bool


class TrainingBudgetEvidence(Record):
    estimated_cost: float
    spent_cost: float
    budget_cost: float
    currency: str
    device: str
    period_started_at_us: Microseconds


class SignatureEvidence(Record):
    present: bool
    valid: bool
    key_id: str


class PromotionEvidence(Record):
    evaluation: Evidence
    evaluation_digest: Digest
    report_digest: Digest
    signature: SignatureEvidence
    #: Every digest that the version came from, and whether the ledger holds the event that made it.
    lineage_complete: bool
    missing_lineage: tuple[str, ...]
    formats: tuple[str, ...]
    leaking_columns: tuple[str, ...]
    monitoring_wired: bool
    rollback_target: Digest | None
    first_version: bool


class DeploymentEvidence(Record):
    promotion_decision_id: str
    promotion_outcome: Outcome
    promotion_subject_digest: Digest
    promotion: PromotionEvidence
    strategy: Strategy
    first_weight: float
    #: The whole plan that was shown to the gate: an order may carry out this one and no other.
    plan_digest: Digest
    revoked: bool


class RollbackEvidence(Record):
    trigger: Literal["person", "schedule", "guardrail", "crash", "revocation"]
    metric: str
    value: float | None
    limit: float | None
    from_digest: Digest
    to_digest: Digest | None
    to_version: Version | None
    #: The deployment decision that once allowed the target in this environment, if there is one.
    to_was_allowed: bool
    to_revoked: bool


class ServingAccessEvidence(Record):
    """Who wants to ask a version for predictions: what was granted, and whether the version may answer here."""

    grant_id: Id
    principal: ActorId
    kind: CredentialKind
    credential_digest: Digest
    models: tuple[Name, ...]
    purpose: Name
    tier: Name
    quota: Quota
    granted_at_us: Microseconds
    expires_at_us: Microseconds
    #: Of whose predictions it wants to send labels; None: of nobody's.
    labels: LabelRight | None = Field(default=None, exclude_if=is_none)
    revoked: bool
    #: The deployment decision that let the version serve in this environment; "" where none allowed it.
    deployment_decision_id: str
    version_revoked: bool


class WaiverSignature(Record):
    """One signature under a waiver, verified outside the policy: by whom, as whom else they act, and in which roles."""

    event_id: str
    statement_digest: Digest
    signer: ActorId
    also: tuple[str, ...]
    roles: tuple[Name, ...]
    signed_at_us: Microseconds
    verified: Literal[True] = True


class WaiverEvidence(Record):
    """What is to be waived, until when, and who has signed that so far."""

    waiver_id: str
    rule: str
    ticket: str
    expires_at_us: Microseconds
    signatures: tuple[WaiverSignature, ...]


#: Which evidence a gate must be shown.
EVIDENCE_OF: dict[str, type[Record]] = {
    "data_access": DataAccessEvidence,
    "training_budget": TrainingBudgetEvidence,
    "promotion": PromotionEvidence,
    "deployment": DeploymentEvidence,
    "rollback": RollbackEvidence,
    "serving_access": ServingAccessEvidence,
    "waiver": WaiverEvidence,
}
#: A field of each evidence that no other one has: by it JSON is told apart. To try them all costs ten times what reading one does.
TOLD_BY: dict[str, str] = {
    "lineage_complete": "promotion",
    "promotion": "deployment",
    "contract_passed": "data_access",
    "budget_cost": "training_budget",
    "to_was_allowed": "rollback",
    "grant_id": "serving_access",
    "waiver_id": "waiver",
}


def _kind_of(evidence: object) -> str | None:
    """Of which gate this is the evidence, by its type or by what stands in it; None for what is none."""
    if isinstance(evidence, dict):
        return next((gate for field, gate in TOLD_BY.items() if field in evidence), None)
    return next((gate for gate, kind in EVIDENCE_OF.items() if type(evidence) is kind), None)


GateEvidence = Annotated[
    Annotated[DataAccessEvidence, Tag("data_access")]
    | Annotated[TrainingBudgetEvidence, Tag("training_budget")]
    | Annotated[PromotionEvidence, Tag("promotion")]
    | Annotated[DeploymentEvidence, Tag("deployment")]
    | Annotated[RollbackEvidence, Tag("rollback")]
    | Annotated[ServingAccessEvidence, Tag("serving_access")]
    | Annotated[WaiverEvidence, Tag("waiver")],
    Discriminator(_kind_of),
]


class GateInput(Record):
    """All that a gate looks at. `now_us` is given, so that the decision can be taken again."""

    schema_version: Literal["gov.input/1"] = "gov.input/1"
    gate: Gate
    now_us: Microseconds
    request: Request
    subject: GateSubject
    target: GateTarget
    approvals: tuple[VerifiedApproval, ...]
    waivers: tuple[Waiver, ...]
    evidence: GateEvidence


class Violation(Record):
    rule: str
    severity: Severity
    message: str
    controls: tuple[str, ...]
    subject: str
    #: JSON text of what was observed and of what is allowed; "" where the rule has no number.
    observed: str
    limit: str
    fix: str


class Obligation(Record):
    id: str
    kind: Literal["shadow", "canary", "notify", "expire", "log_full", "post_review"]
    parameters: JsonObject
    deadline_us: Microseconds


class RequiredApproval(Record):
    role: Name
    count: Count
    given: Count
    distinct_from: tuple[str, ...]


class PolicyIdentity(Record):
    package: str
    bundle_digest: Digest
    limits_digest: Digest
    people_digest: Digest
    engine: str
    engine_version: str


class GateResult(Record):
    """What the policy answered, checked again in Python: allow means no unwaived violation that blocks."""

    schema_version: Literal["gov.decision/1"] = "gov.decision/1"
    gate: Gate
    allow: bool
    outcome: Outcome
    violations: tuple[Violation, ...]
    waived: tuple[Violation, ...]
    warnings: tuple[Violation, ...]
    evaluated: tuple[str, ...]
    obligations: tuple[Obligation, ...]
    required_approvals: tuple[RequiredApproval, ...]


class Decision(Record):
    """One decision as it is recorded: what was asked, what was answered, by which engine on which rules."""

    id: str
    gate: Gate
    input_digest: Digest
    input: GateInput
    result: GateResult
    policy: PolicyIdentity
    decided_in_us: Count = Field(description="how long the engine took")
    #: None from an engine that keeps no log, where it gave no answer to believe, and in records of before this was kept.
    logged_as: LoggedId | None = Field(default=None, exclude_if=is_none)

    @property
    def allowed(self) -> bool:
        return self.result.allow
