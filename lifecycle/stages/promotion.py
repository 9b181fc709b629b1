"""<model>/promotion: asks the gate. Allowed, denied, or waiting for people: the run ends and nothing is held."""

from typing import Any

import dagster as dg

from lifecycle.declaration import GovernedModel
from lifecycle.life.evaluation import evidence_of
from lifecycle.life.promotion import ask_for_promotion, next_step
from lifecycle.resources import LifecycleResource, RunsOn
from lifecycle.stages.stage import StageResult, VersionConfig, failures, stage_asset, stage_key, step_of, version_in_question
from lifecycle.stages.tables import fairness_table, metrics_table, violations_table


def promotion_asset(model: GovernedModel, runs_on: RunsOn) -> dg.AssetsDefinition:
    gate = dg.AssetCheckSpec(
        "gate",
        asset=stage_key(model, "promotion"),
        description="What the gate said. A view: the deployment asks the gate again and trusts only the ledger.",
    )

    @stage_asset(
        model,
        "promotion",
        {"opa"},
        runs_on,
        after=("evaluation",),
        description="The promotion gate's decision on one version, by the policies in governance/policies.",
        checks=(gate,),
    )
    def promotion(context: dg.AssetExecutionContext, config: VersionConfig, lifecycle: LifecycleResource) -> StageResult:
        departments, step = lifecycle.departments(), step_of(context)
        with failures(context):
            version = version_in_question(departments, model, config, step)
            decision = ask_for_promotion(departments, model, version, step)
            evidence = evidence_of(departments, model.name, version)
        metadata: dict[str, Any] = {
            "version": f"{model.name}:{version}",
            "outcome": decision.result.outcome,
            "next": next_step(decision, f"{model.name}:{version}"),
            "at the approval desk": dg.MetadataValue.url(departments.settings.desk.page(f"{model.name}:{version}")),
            "violations": violations_table(decision.result),
            "metrics": metrics_table(evidence),
            "fairness": fairness_table(evidence),
            "decision": decision.id,
            "policy bundle": decision.policy.bundle_digest,
            "engine": f"{decision.policy.engine} {decision.policy.engine_version}",
            "rules evaluated": len(decision.result.evaluated),
            "decided in (ms)": decision.decided_in_us / 1000,
            **{name: value.value for name, value in evidence.metrics.items()},
        }
        if decision.result.outcome == "deny":
            raise dg.Failure(f"{model.name}:{version} was denied by the promotion gate.", metadata=metadata, allow_retries=False)
        return StageResult(
            data_version=dg.DataVersion(decision.id),
            metadata=metadata,
            check_results=[
                dg.AssetCheckResult(
                    check_name="gate",
                    passed=decision.allowed,
                    severity=dg.AssetCheckSeverity.WARN,
                    metadata={"outcome": decision.result.outcome},
                )
            ],
        )

    return promotion
