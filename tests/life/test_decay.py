"""A rollback on quality: what monitoring reported, of what serves now, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from lifecycle.automation import sensors
from lifecycle.errors import Refused, UnknownName
from lifecycle.life import decay, rollback
from lifecycle.life.gates import standing
from lifecycle.life.recording import Step
from lifecycle.records.bodies.serving import GuardrailVerdict, MonitoringReported, Trigger
from lifecycle.records.events import Event
from lifecycle.wiring import Departments
from tests.scenarios.homes import copy_of_home_at_the_gate
from tests.stages.runs import definitions_of, resource_of

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("life")]

WRONG = GuardrailVerdict(guardrail="quality: wrong decisions", value=0.4, limit=0.25, verdict="breached")
DRIFT = GuardrailVerdict(guardrail="drift", value=0.9, limit=0.2, verdict="breached")


class Rolling:
    """A gateway that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def rollback(self, model: str, **told: Any) -> str:
        self.told.append(told)
        return "rolled back"


def report(departments: Departments, *verdicts: GuardrailVerdict) -> str:
    """A report of monitoring on credit:1 in the ledger; returns its id."""
    body = MonitoringReported(
        window_from_us=1,
        window_to_us=2,
        rows=500,
        labelled_rows=500,
        verdicts=verdicts,
        psi={},
        summary={},
        report_json_digest=None,
        report_html_digest=None,
    )
    subject = standing.trained(departments, "credit", 1).event.subject
    event = Event.happened(body, subject=subject, actor=Step(run_id="m").actor, environment=departments.environment, run_id="m")
    departments.ledger.append(event)
    return event.id


@pytest.fixture
def serving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Departments, Rolling]:
    """A home in which credit:1 is taken to serve, beside a gateway that keeps what it is told."""
    departments, _ = copy_of_home_at_the_gate(tmp_path)
    gateway = Rolling()
    vars(departments)["gateway"] = gateway
    monkeypatch.setattr(standing, "serving_version", lambda departments, model: 1)
    return departments, gateway


def allowed(*arguments: Any) -> rollback.Judged:
    return rollback.Judged("0" * 32, 1, 2)


def test_a_breached_verdict_on_quality_rolls_back_with_its_figures(
    serving: tuple[Departments, Rolling], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate is asked, and the gateway is told the guardrail, its value and its limit as the trigger."""
    departments, gateway = serving
    monkeypatch.setattr(rollback, "_ask", allowed)
    decay.roll_back_on_quality(departments, departments.model("credit"), Step(run_id="r"), report(departments, DRIFT, WRONG))
    (told,) = gateway.told
    trigger = told["trigger"]
    assert isinstance(trigger, Trigger)
    assert (trigger.kind, trigger.metric, trigger.value, trigger.limit) == ("guardrail", "quality: wrong decisions", 0.4, 0.25)
    assert (told["from_version"], told["to_version"]) == (1, 2)


def test_a_gate_that_says_no_is_obeyed(serving: tuple[Departments, Rolling], monkeypatch: pytest.MonkeyPatch) -> None:
    """A denied rollback on quality reaches no gateway."""
    departments, gateway = serving

    def denied(*arguments: Any) -> rollback.Judged:
        raise Refused("It was denied.", "See the log.", ("RBK-004",))

    monkeypatch.setattr(rollback, "_ask", denied)
    with pytest.raises(Refused):
        decay.roll_back_on_quality(departments, departments.model("credit"), Step(run_id="r"), report(departments, WRONG))
    assert gateway.told == []


def test_drift_alone_rolls_nothing_back(serving: tuple[Departments, Rolling]) -> None:
    """A report whose only breach is drift is no reason, whoever names it."""
    departments, gateway = serving
    with pytest.raises(Refused, match="calls for no rollback"):
        decay.roll_back_on_quality(departments, departments.model("credit"), Step(run_id="r"), report(departments, DRIFT))
    assert gateway.told == []


def test_a_report_on_a_version_that_serves_no_more_rolls_nothing_back(
    serving: tuple[Departments, Rolling], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old report can't take out the version that came after."""
    departments, gateway = serving
    monkeypatch.setattr(standing, "serving_version", lambda departments, model: 2)
    with pytest.raises(Refused):
        decay.roll_back_on_quality(departments, departments.model("credit"), Step(run_id="r"), report(departments, WRONG))
    assert gateway.told == []


def test_a_report_that_nobody_made_is_no_reason(serving: tuple[Departments, Rolling]) -> None:
    """An id that the ledger does not hold is named as such."""
    departments, gateway = serving
    with pytest.raises(UnknownName):
        decay.roll_back_on_quality(departments, departments.model("credit"), Step(run_id="r"), "0" * 32)
    assert gateway.told == []


def test_the_sensor_asks_once_for_each_report_that_calls_for_a_rollback(serving: tuple[Departments, Rolling]) -> None:
    """Drift moves the cursor on and starts nothing; a breach of quality starts one run that names the report."""
    departments, _ = serving
    definitions = definitions_of(departments)
    sensor = sensors.decay(departments.model("credit"), definitions.resolve_job_def("credit_rollback"))

    def tick(cursor: str | None) -> Any:
        context = dg.build_sensor_context(definitions=definitions, resources={"lifecycle": resource_of(departments)}, cursor=cursor)
        return sensor.evaluate_tick(context)

    assert "no monitoring" in (tick(None).skip_message or "")
    report(departments, DRIFT)
    drifted = tick(None)
    assert "calls for no rollback" in (drifted.skip_message or "")
    breach = report(departments, WRONG)
    asked = tick(drifted.cursor)
    (request,) = asked.run_requests
    assert request.run_key == f"decay-{breach}"
    assert request.run_config == {"ops": {"credit__rollback": {"config": {"report": breach}}}}
    assert not tick(asked.cursor).run_requests
