"""Tiny models and real ledger proofs for tests of the gateway."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lifecycle.features import Preprocessor
from lifecycle.proofs.merkle import inclusion_path, leaf_hash, root_of
from lifecycle.proofs.notes import Checkpoint, SigningKey, sign
from lifecycle.records.bodies.decisions import DecisionMade
from lifecycle.records.bodies.serving import Trigger
from lifecycle.records.events import Actor, Event, Subject
from lifecycle.records.evidence import Evidence, Parity
from lifecycle.records.gates import (
    Decision,
    DeploymentEvidence,
    GateInput,
    GateResult,
    GateSubject,
    GateTarget,
    PolicyIdentity,
    PromotionEvidence,
    Request,
    Requester,
    SignatureEvidence,
)
from lifecycle.records.manifest import FILE_NAMES, Bounds, ManifestFile, ModelManifest, ModelSchemas, Part
from lifecycle.records.record import Digest, canonical_bytes, digest_of
from lifecycle.records.rollout import Guardrail, LedgerProof, LogGrade, RolloutOrder, RolloutPlan, RolloutStep, Strategy, Tier
from tests.serving.graphs import Behaviour, graph

ORIGIN = "test.example/ledger"
NOWHERE: Digest = "sha256:" + "0" * 64
ENVIRONMENT = "local"
MODEL = "credit"
#: Why a version is taken out, where somebody wants it.
BY_HAND = Trigger(kind="person", metric="", value=None, limit=None, detail="because")
#: A row that every tiny model takes.
ROW: dict[str, str | float | None] = {"income": 120.0, "home": "rent"}

Gate = Literal["deployment", "promotion"]


@dataclass(frozen=True)
class Packed:
    """A model in a folder, as the deployment stage hands it to the gateway."""

    folder: Path
    digest: Digest
    signature_digest: Digest


def pack(folder: Path, *, bias: float = 0.0, behaviour: Behaviour = "good", signature: bytes = b"signed", model: str = MODEL) -> Packed:
    """Writes a model of two columns. The bias makes each one's bytes, and its answers, its own."""
    folder.mkdir(parents=True)
    preprocessor = Preprocessor.fit(
        {"income": [100.0, 140.0, None, 90.0], "home": ["rent", "owner", "rent", "owner"]},
        ("income",),
        ("home",),
        unknown="refuse" if behaviour == "refuses_unknown" else "bucket",
    ).within({"income": Bounds(least=-1e6, most=1e6)})
    schemas = ModelSchemas(inputs=preprocessor.inputs, positive="bad", negative="good", threshold=0.5)
    parts: dict[Part, bytes] = {
        "weights": b"weights" + str(bias).encode(),
        "graph": b"no graph" if behaviour == "unloadable" else graph(preprocessor.width, bias, behaviour),
        "preprocessor": preprocessor.canonical(),
        "schemas": schemas.canonical(),
        "training": canonical_bytes({"bias": bias, "behaviour": behaviour}),
    }
    files = tuple(
        ManifestFile(part=part, path=path, digest=digest_of(parts[part]), size=len(parts[part])) for part, path in FILE_NAMES.items()
    )
    manifest = ModelManifest(model=model, dataset_digest=NOWHERE, files=files).canonical()
    for part, path in FILE_NAMES.items():
        (folder / path).write_bytes(parts[part])
    (folder / "manifest.json").write_bytes(manifest)
    (folder / "model.sig").write_bytes(signature)
    return Packed(folder, digest_of(manifest), digest_of(signature))


def plan(
    *steps: tuple[float, int, float],
    breaker: int = 5,
    without_champion: Literal["refer", "refuse"] = "refuse",
    guardrails: tuple[Guardrail, ...] = (Guardrail(kind="errors"),),
    strategy: Strategy = "canary",
    holdout: float | None = None,
    tiers: tuple[Tier, ...] | None = None,
    rows_per_second: float | None = None,
    log_grade: LogGrade | None = None,
) -> RolloutPlan:
    """A plan of steps (weight, minimum n, bake seconds)."""
    made = tuple(RolloutStep(weight=weight, minimum_n=n, bake_seconds=bake) for weight, n, bake in steps or ((1.0, 0, 0.0),))
    return RolloutPlan(
        strategy=strategy,
        steps=made,
        guardrails=guardrails,
        breaker=breaker,
        without_champion=without_champion,
        holdout=holdout,
        tiers=tiers,
        rows_per_second=rows_per_second,
        log_grade=log_grade,
    )


def decision(
    digest: Digest,
    version: int,
    rollout_plan: RolloutPlan,
    *,
    model: str = MODEL,
    gate: Gate = "deployment",
    allow: bool = True,
    environment: str = ENVIRONMENT,
) -> Decision:
    """A decision as a gate makes it, about a model of which next to nothing is known."""
    asked = GateInput(
        gate=gate,
        now_us=1,
        request=Request(id="r", actor=Requester(id="ada", kind="human", roles=(), authenticated=True), reason="test"),
        subject=GateSubject(
            kind="model", name=model, version=version, digest=digest, risk_tier="high", limits="credit", limit_overrides={}, makers=()
        ),
        target=GateTarget(environment=environment, jurisdiction="PT", purpose="tests of the gateway"),
        approvals=(),
        waivers=(),
        evidence=(
            _deployment_evidence(digest, version, model, rollout_plan)
            if gate == "deployment"
            else _promotion_evidence(digest, version, model)
        ),
    )
    result = GateResult(
        gate=gate,
        allow=allow,
        outcome="allow" if allow else "deny",
        violations=(),
        waived=(),
        warnings=(),
        evaluated=(),
        obligations=(),
        required_approvals=(),
    )
    policy = PolicyIdentity(
        package=f"gov.{gate}", bundle_digest=NOWHERE, limits_digest=NOWHERE, people_digest=NOWHERE, engine="test", engine_version="1"
    )
    return Decision(
        id=f"decision-{model}-{version}",
        gate=gate,
        input_digest=asked.content_digest(),
        input=asked,
        result=result,
        policy=policy,
        decided_in_us=1,
    )


def _promotion_evidence(digest: Digest, version: int, model: str) -> PromotionEvidence:
    evaluation = Evidence(
        model=model,
        version=version,
        model_digest=digest,
        dataset_digest=NOWHERE,
        rows=1,
        threshold=0.5,
        metrics={},
        baseline={},
        baseline_name="none",
        slices=(),
        fairness=(),
        parity=Parity(rows=1, largest_difference=0.0),
        drift=(),
        against_champion=None,
        report_json_digest=NOWHERE,
        report_html_digest=NOWHERE,
        computed_with={},
    )
    return PromotionEvidence(
        evaluation=evaluation,
        evaluation_digest=evaluation.content_digest(),
        report_digest=NOWHERE,
        signature=SignatureEvidence(present=True, valid=True, key_id="test"),
        lineage_complete=True,
        missing_lineage=(),
        formats=(),
        leaking_columns=(),
        monitoring_wired=True,
        rollback_target=None,
        first_version=True,
    )


def _deployment_evidence(digest: Digest, version: int, model: str, rollout_plan: RolloutPlan) -> DeploymentEvidence:
    return DeploymentEvidence(
        promotion_decision_id="promotion",
        promotion_outcome="allow",
        promotion_subject_digest=digest,
        promotion=_promotion_evidence(digest, version, model),
        strategy=rollout_plan.strategy,
        first_weight=rollout_plan.first_weight,
        plan_digest=rollout_plan.content_digest(),
        revoked=False,
    )


def decided(made: Decision) -> Event:
    """The event of a decision."""
    subject = Subject(kind="model", name=made.input.subject.name, version=made.input.subject.version, digest=made.input.subject.digest)
    return Event.happened(
        DecisionMade(decision=made, consumed=()),
        subject=subject,
        actor=Actor(id="gate", kind="service"),
        environment=made.input.target.environment,
    )


def prove(event: Event, key: SigningKey) -> LedgerProof:
    """A proof that the event is the second of three leaves of a log that this key signs."""
    leaves = [b"before", event.canonical(), b"after"]
    hashes = [leaf_hash(leaf) for leaf in leaves]
    checkpoint = sign(Checkpoint(key.name, 3, root_of(hashes)), key)
    path = tuple(base64.b64encode(sibling).decode() for sibling in inclusion_path(hashes, 1, 3))
    return LedgerProof(index=1, leaf=base64.b64encode(leaves[1]).decode(), path=path, checkpoint=checkpoint)


def order(
    packed: Packed, version: int, key: SigningKey, rollout_plan: RolloutPlan, *, model: str = MODEL, rollout_id: str = ""
) -> RolloutOrder:
    """An order that may be carried out."""
    wanted = rollout_id or f"rollout-{model}-{version}"
    made = decision(packed.digest, version, rollout_plan, model=model).model_copy(update={"id": f"decision-of-{wanted}"})
    return RolloutOrder(
        rollout_id=wanted,
        model=model,
        version=version,
        digest=packed.digest,
        environment=ENVIRONMENT,
        plan=rollout_plan,
        decision_id=made.id,
        proof=prove(decided(made), key),
        signature_digest=packed.signature_digest,
        run_id="run-1",
        ordered_at_us=1,
        actor="ada",
    )
