"""The monitoring step: what a version has seen and answered in the window that ends now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecycle.declaration import GovernedModel
from lifecycle.errors import Refused
from lifecycle.life.evaluation import evidence_of
from lifecycle.life.gates import standing
from lifecycle.life.keeping.dataset_rows import dataset_rows
from lifecycle.life.recording import Step, links, record_once
from lifecycle.records.bodies.training import ModelTrained
from lifecycle.records.events import Recorded
from lifecycle.records.identity import now_us
from lifecycle.records.record import HOUR_US
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd


def monitor(departments: Departments, model: GovernedModel, step: Step) -> Recorded:
    """Judges the declared window of the prediction log of what serves; returns its MonitoringReported.

    Drift alone never rolls back: a breached guardrail is an alarm here, and a reason to train again. Raises Refused
    where nothing serves.
    """
    from lifecycle.monitoring.monitoring import report_window
    from lifecycle.monitoring.yardstick import Yardstick

    version = standing.serving_version(departments, model.name)
    if version is None:
        raise Refused(f"No version of {model.name} serves here, so there is nothing to monitor.", "Deploy a version first.", ("STATE",))
    event_id = step.event_id("monitoring")
    trained = standing.trained(departments, model.name, version)
    body = standing.body_of(trained, ModelTrained)
    until = now_us()
    since = until - int(model.watch.window_hours * HOUR_US)
    frame = dataset_rows(departments, body.dataset_digest)
    monitored = report_window(
        # What a shadow said, nobody was told.
        (row for row in departments.predictions.rows(model.name, since, until) if row["arm"] != "shadow"),
        model=model.name,
        version=version,
        from_us=since,
        to_us=until,
        yardstick=Yardstick(
            trained_on=frame[frame["split"] == "train"],
            numbers=model.data.numbers,
            categories=model.data.categories,
            positive=model.data.positive,
            probabilities=_held_out_answers(departments, body, frame[frame["split"] == "test"]),
            evaluation=evidence_of(departments, model.name, version),
            slices=model.slices,
        ),
        watch=model.watch,
    )
    for content in (monitored.json, monitored.html):
        if content is not None:
            departments.artifacts.put(content)
    event = step.happened(
        departments,
        monitored.body,
        trained.event.subject,
        event_id=event_id,
        inputs=links(model=body.model_digest),
        outputs=links(report_json=monitored.body.report_json_digest, report_html=monitored.body.report_html_digest),
    )
    return record_once(departments, event)


def _held_out_answers(departments: Departments, body: ModelTrained, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
    """What the version answers for the test rows: what its answers look like where nothing has shifted."""
    from lifecycle.artifacts.packages import read_parts
    from lifecycle.evaluation.served import ServedModel

    served = ServedModel(read_parts(departments.artifacts, body.model_digest))
    return served.probabilities(served.features(rows))
