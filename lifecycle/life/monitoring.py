"""The monitoring step: what a version has seen and answered in the window that ends now."""

from __future__ import annotations

from lifecycle.declaration import GovernedModel
from lifecycle.errors import Refused
from lifecycle.life import standing
from lifecycle.life.recording import Step, links, record_once
from lifecycle.records.bodies.training import ModelTrained
from lifecycle.records.events import Event, Recorded
from lifecycle.records.identity import now_us
from lifecycle.wiring import Departments

MICROSECONDS_IN_AN_HOUR = 3_600_000_000


def monitor(departments: Departments, model: GovernedModel, step: Step) -> Recorded:
    """Judges the declared window of the prediction log of what serves; returns its MonitoringReported.

    Drift alone never rolls back: a breached guardrail is an alarm here, and a reason to train again. Raises Refused
    where nothing serves.
    """
    from lifecycle.data.columnar import read_dataset
    from lifecycle.monitoring.windows import report_window

    version = standing.serving_version(departments, model.name)
    if version is None:
        raise Refused(f"No version of {model.name} serves here, so there is nothing to monitor.", "Deploy a version first.", ("STATE",))
    event_id = step.event_id("monitoring")
    trained = standing.trained(departments, model.name, version)
    body = standing.body_of(trained, ModelTrained)
    until = now_us()
    monitored = report_window(
        departments.predictions.rows(model.name, until - int(model.watch.window_hours * MICROSECONDS_IN_AN_HOUR), until),
        version=version,
        reference=read_dataset(departments.artifacts, body.dataset_digest),
        spec=model.data,
        watch=model.watch,
        window=(until - int(model.watch.window_hours * MICROSECONDS_IN_AN_HOUR), until),
        keep=departments.artifacts.put,
    )
    return record_once(
        departments,
        event_id,
        lambda: Event.happened(
            monitored.body,
            subject=trained.event.subject,
            actor=step.actor,
            environment=departments.environment,
            run_id=step.run_id,
            inputs=links(model=body.model_digest),
            outputs=links(report_json=monitored.body.report_json_digest, report_html=monitored.body.report_html_digest),
            event_id=event_id,
        ),
    )
