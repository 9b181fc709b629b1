"""<model>/evaluation: judges the bytes that will serve, and keeps the evidence."""

import dagster as dg

from lifecycle.declaration import GovernedModel
from lifecycle.life.evaluation import evaluate_candidate, evidence_of, report_page
from lifecycle.life.gates import standing
from lifecycle.life.reconciling.runs_seen import LEDGER_INDEX
from lifecycle.records.bodies.training import ModelEvaluated
from lifecycle.resources import LifecycleResource, RunsOn
from lifecycle.stages.stage import StageResult, VersionConfig, failures, stage_asset, step_of, version_in_question
from lifecycle.stages.tables import fairness_table, metrics_table, slices_table


def evaluation_asset(model: GovernedModel, runs_on: RunsOn) -> dg.AssetsDefinition:
    @stage_asset(
        model,
        "evaluation",
        {"onnxruntime", "evidently", "fairlearn"},
        runs_on,
        after=(
            "candidate",
            "dataset",
        ),
        description="The evidence on exactly the bytes that will serve: metrics with intervals, slices, fairness, parity.",
    )
    def evaluation(context: dg.AssetExecutionContext, config: VersionConfig, lifecycle: LifecycleResource) -> StageResult:
        departments, step = lifecycle.departments(), step_of(context)
        with failures(context):
            version = version_in_question(departments, model, config, step)
            recorded = evaluate_candidate(departments, model, version, step)
            evidence = evidence_of(departments, model.name, version)
            report = report_page(departments, model.name, version)
        body = standing.body_of(recorded, ModelEvaluated)
        return StageResult(
            data_version=dg.DataVersion(body.evidence_digest),
            metadata={
                "version": f"{model.name}:{version}",
                "model digest": body.model_digest,
                "evidence": body.evidence_digest,
                "metrics": metrics_table(evidence),
                "fairness": fairness_table(evidence),
                "slices": slices_table(evidence),
                "report": dg.MetadataValue.path(str(report)),
                "parity with eager (largest difference)": evidence.parity.largest_difference,
                "rows": evidence.rows,
                LEDGER_INDEX: recorded.index,
                **{name: value.value for name, value in evidence.metrics.items()},
            },
        )

    return evaluation
