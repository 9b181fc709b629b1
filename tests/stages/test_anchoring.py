"""Anchoring as an asset, by the schedule that is declared."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from lifecycle.definitions import build_definitions
from lifecycle.ledger.receipts import ReceiptBook
from lifecycle.resources import RunsOn
from lifecycle.wiring import Departments
from tests.ledger.happenings import happening
from tests.scenarios.homes import departments_at
from tests.stages.runs import QUIET, resource_of


@pytest.fixture
def anchored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Departments:
    """A home with a record, and a folder that is declared as an anchor."""
    declared = tmp_path / "anchors.yaml"
    declared.write_text(
        "schema_version: lifecycle.anchors/1\nanchors: [{name: archive, kind: folder, path: archive}]\nschedule: '7 * * * *'\n",
        encoding="utf-8",
    )
    # The resource reads the settings of its process, as a run does.
    monkeypatch.setenv("LIFECYCLE_ANCHORS", str(declared))
    departments = departments_at(tmp_path / "home", LIFECYCLE_ANCHORS=str(declared))
    departments.ledger.append(happening(0))
    return departments


def definitions_of(departments: Departments) -> dg.Definitions:
    runs_on = RunsOn(resources={"lifecycle": resource_of(departments)}, executor=dg.in_process_executor)
    return build_definitions(departments.models, runs_on, departments.anchors.schedule)


def run(departments: Departments) -> dg.ExecuteInProcessResult:
    job = definitions_of(departments).resolve_job_def("audit_anchoring")
    with dg.DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(run_config={"loggers": QUIET}, raise_on_error=False, instance=instance)


def test_the_declared_schedule_runs_from_the_start(anchored: Departments) -> None:
    """As often as anchors.yaml says; nobody has to turn it on."""
    schedule = definitions_of(anchored).get_repository_def().get_schedule_def("ledger_anchor")
    assert (schedule.cron_schedule, schedule.default_status) == ("7 * * * *", dg.DefaultScheduleStatus.RUNNING)


def test_without_anchors_there_is_no_schedule(tmp_path: Path) -> None:
    """Nothing is to be anchored in."""
    definitions = definitions_of(departments_at(tmp_path / "home"))
    assert "ledger_anchor" not in {schedule.name for schedule in definitions.get_repository_def().schedule_defs}


def test_a_run_has_every_anchor_see_the_ledger(anchored: Departments, tmp_path: Path) -> None:
    """The receipt is kept, the note lies in the folder, and the page says what no anchor has seen."""
    result = run(anchored)
    assert result.success
    with ReceiptBook(anchored.settings.ledger_url) as book:
        (receipt,) = book.all()
    (note,) = (tmp_path / "archive").rglob("*.note")
    assert note.read_text(encoding="utf-8") == receipt.note
    (made,) = result.asset_materializations_for_node("audit__anchoring")
    assert made.metadata["records that no anchor has seen"].value == 0


def test_an_anchor_that_does_not_answer_fails_the_run(anchored: Departments, tmp_path: Path) -> None:
    """A red run is what an operator looks at."""
    (tmp_path / "archive").write_text("", encoding="utf-8")
    assert not run(anchored).success
