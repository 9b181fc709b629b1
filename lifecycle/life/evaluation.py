"""The evaluation step: judge the bytes that will serve, and keep the evidence by digest."""

from __future__ import annotations

import json
from pathlib import Path

from lifecycle.declaration import GovernedModel
from lifecycle.life.gates import standing
from lifecycle.life.keeping.dataset_rows import dataset_rows
from lifecycle.life.recording import Step, links, record_once
from lifecycle.records.bodies.training import ModelEvaluated, ModelTrained
from lifecycle.records.events import Recorded
from lifecycle.records.evidence import Evidence
from lifecycle.wiring import Departments


def evaluate_candidate(departments: Departments, model: GovernedModel, version: int, step: Step) -> Recorded:
    """Judges one version on the test split, beside the champion on the same rows; returns its ModelEvaluated."""
    from lifecycle.artifacts.packages import read_parts
    from lifecycle.evaluation.judging import Question, judge

    event_id = step.event_id("evaluation", str(version))
    done = departments.ledger.find(event_id)
    if done is not None:
        return done
    trained = standing.trained(departments, model.name, version)
    body = standing.body_of(trained, ModelTrained)
    champion = standing.serving_version(departments, model.name)
    champion_trained = None if champion in (None, version) else standing.trained(departments, model.name, champion)
    champion_digest = champion_trained.event.subject.digest if champion_trained else None
    judged = judge(
        Question(
            model=model.name,
            version=version,
            model_digest=body.model_digest,
            dataset_digest=body.dataset_digest,
            parts=read_parts(departments.artifacts, body.model_digest),
            frame=dataset_rows(departments, body.dataset_digest),
            spec=model.data,
            metrics=model.metrics,
            slices=model.slices,
            minimum_group_n=model.minimum_group_n,
            training=model.training.resolve(),
            baseline_name=body.baseline_name,
            baseline=json.loads(departments.artifacts.read(body.baseline_digest)),
            champion_version=champion if champion_digest else None,
            champion_digest=champion_digest,
            champion_parts=read_parts(departments.artifacts, champion_digest) if champion_digest else None,
        ),
        keep=departments.artifacts.put,
    )
    evidence = judged.evidence
    evidence_digest = departments.artifacts.put(evidence.canonical())
    happened = ModelEvaluated(
        model_digest=body.model_digest,
        dataset_digest=body.dataset_digest,
        evidence_digest=evidence_digest,
        report_json_digest=evidence.report_json_digest,
        report_html_digest=evidence.report_html_digest,
        headline={name: evidence.metrics[name] for name in model.metrics},
        champion_version=champion if champion_digest else None,
    )
    inputs = links(model=body.model_digest, dataset=body.dataset_digest, champion=champion_digest, baseline=body.baseline_digest)
    outputs = links(evidence=evidence_digest, report_json=evidence.report_json_digest, report_html=evidence.report_html_digest)
    event = step.happened(departments, happened, trained.event.subject, event_id=event_id, inputs=inputs, outputs=outputs)
    return record_once(departments, event)


def evidence_of(departments: Departments, model: str, version: int) -> Evidence:
    """The newest evidence document of a version."""
    evaluated = standing.body_of(standing.evaluated(departments, model, version), ModelEvaluated)
    return Evidence.parse(departments.artifacts.read(evaluated.evidence_digest))


def report_page(departments: Departments, model: str, version: int) -> Path:
    """The Evidently report of a version as a file that a browser opens: a copy; the record is the one in the store."""
    evidence = evidence_of(departments, model, version)
    page = departments.folder("reports") / f"{model}-{version}-evaluation.html"
    page.write_bytes(departments.artifacts.read(evidence.report_html_digest))
    return page
