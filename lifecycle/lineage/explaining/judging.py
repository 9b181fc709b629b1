"""What a version was judged by: the evaluation that the gate was shown, and its report."""

from __future__ import annotations

from lifecycle.lineage.explaining.chain import Found
from lifecycle.lineage.explaining.walk import Walk, require, told
from lifecycle.lineage.outline import moment
from lifecycle.lineage.step import Step
from lifecycle.records.bodies.decisions import DecisionMade
from lifecycle.records.bodies.training import ModelEvaluated
from lifecycle.records.gates import DeploymentEvidence


def follow_judging(walk: Walk, deployment: Found[DecisionMade] | None) -> None:
    """The evaluation behind the decision, never just the newest one."""
    if deployment is None:
        for edge in ("evaluation", "evaluation report"):
            walk.unreached("judged", edge, "deployment decision")
        return
    evaluated = walk.follow("judged", "evaluation", lambda: _evaluation(walk, deployment))
    if evaluated is None:
        walk.unreached("judged", "evaluation report", "evaluation")
    else:
        walk.follow("judged", "evaluation report", lambda: (_report(walk, evaluated.body), None))


def _evaluation(walk: Walk, deployment: Found[DecisionMade]) -> tuple[Step, Found[ModelEvaluated]]:
    evidence = deployment.body.decision.input.evidence
    require(isinstance(evidence, DeploymentEvidence), "the deployment decision was shown no evaluation")
    assert isinstance(evidence, DeploymentEvidence)  # just required
    shown = evidence.promotion
    found = walk.chain.latest(
        ModelEvaluated,
        lambda event, body: body.evidence_digest == shown.evaluation_digest and event.subject.version == walk.row.version,
        f"the ledger holds no evaluation of {walk.version} with the evidence that the gate was shown",
    )
    require(found.body.model_digest == walk.row.model_digest, "it is of other bytes than those that answered")
    require(found.body.report_json_digest == shown.report_digest, "its report is not the one that the gate was shown")
    headline = {name: f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]" for name, value in sorted(found.body.headline.items())}
    detail = moment(found.event.occurred_at_us)
    step = told(
        "judged",
        "evaluation",
        found,
        f"evaluated {walk.version}",
        detail,
        digest=found.body.evidence_digest,
        facts={"metrics": headline, "champion_version": found.body.champion_version},
    )
    return step, found


def _report(walk: Walk, body: ModelEvaluated) -> Step:
    walk.store.require(body.evidence_digest, "the evidence document")
    walk.store.require(body.report_json_digest, "the report")
    walk.store.require(body.report_html_digest, "the page of the report")
    facts = {"evidence": body.evidence_digest, "page": body.report_html_digest}
    detail = "the report, its page and the evidence are in the artifact store"
    return Step("judged", "evaluation report", "report", detail, body.report_json_digest, facts=facts)
