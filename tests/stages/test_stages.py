"""The assets: thin, honest about what they need, and never the proof."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from assets.credit.model import CREDIT
from lifecycle.automation import sensors
from lifecycle.definitions import build_definitions
from lifecycle.launching import failure_of
from lifecycle.life.gates import standing
from lifecycle.life.people.approval import approve_version
from lifecycle.life.reconciling.runs_seen import CHECKS, RECORDING_JOBS
from lifecycle.resources import RunsOn
from lifecycle.stages.stage import code_version
from lifecycle.wiring import Departments
from tests.scenarios.homes import PROJECT, copy_of_home_at_the_gate, departments_at
from tests.stages.runs import definitions_of, resource_of, run


class Answering:
    """A gateway that is there, and serves nothing."""

    def status(self) -> Any:
        return SimpleNamespace(url="http://127.0.0.1:1", models=())


def test_every_governed_model_has_its_stages_in_a_group_of_its_own(tmp_path: Path) -> None:
    """Eight assets under the model's key prefix and in its group, each with owners, kinds, tags and a code version."""
    graph = definitions_of(departments_at(tmp_path / "home")).resolve_asset_graph()
    keys = {key.to_user_string() for key in graph.get_all_asset_keys()}
    served = ("deployment", "monitoring", "rollback", "recall")
    stages = {f"credit/{stage}" for stage in ("dataset", "candidate", "evaluation", "promotion", *served)}
    assert keys == {*stages, "audit/lineage_export", "audit/reconciliation", "audit/predictions"}
    for stage in stages:
        node = graph.get(dg.AssetKey(stage.split("/")))
        assert node.group_name == "credit"
        assert node.owners == ["team:credit_modelling"]
        assert node.kinds
        assert node.code_version
        assert node.tags["lifecycle/risk_tier"] == "high"


def test_what_is_reconciled_is_what_the_stages_show(tmp_path: Path) -> None:
    """Each stage of a model with its checks, and jobs of which each run records something: reconciliation knows these and no other."""
    definitions = definitions_of(departments_at(tmp_path / "home"))
    graph = definitions.resolve_asset_graph()
    stages = [key.path[1] for key in graph.get_all_asset_keys() if key.path[0] == "credit"]
    checks = {stage: {key.name for key in graph.asset_check_keys if key.asset_key.path == ["credit", stage]} for stage in stages}
    assert checks == {stage: set(names) for stage, names in CHECKS.items()}
    jobs = {job.name for job in definitions.resolve_all_job_defs()}
    assert {f"credit{suffix}" for suffix in RECORDING_JOBS} <= jobs


def test_the_jobs_schedules_and_sensors_are_there(tmp_path: Path) -> None:
    """What the pages offer: the jobs of a life, the clocks, and the sensors, of which five run from the start."""
    definitions = definitions_of(departments_at(tmp_path / "home"))
    repository = definitions.get_repository_def()
    assert {"credit_train_to_gate", "credit_deploy", "credit_rollback", "credit_recall"} <= set(repository.job_names)
    daily = {"audit_lineage_export_daily", "audit_reconciliation_daily", "audit_compaction_daily"}
    assert {s.name for s in repository.schedule_defs} == {"credit_retraining", "credit_monitoring"} | daily
    running = {s.name for s in repository.sensor_defs if s.default_status == dg.DefaultSensorStatus.RUNNING}
    assert running == {"credit_approvals", "credit_rollbacks", "credit_decay", "credit_broken_deployments", "audit_lineage_outbox"}
    assert {s.name for s in repository.sensor_defs} - running == {"credit_new_data", "credit_breaches"}


def test_no_stage_waits_for_a_slot_that_a_killed_run_could_keep(tmp_path: Path) -> None:
    """On one machine nothing frees the slot of a pool when its run is killed, so no stage is in one."""
    graph = definitions_of(departments_at(tmp_path / "home")).resolve_asset_graph()
    assert [key.to_user_string() for key in graph.get_all_asset_keys() if graph.get(key).pools] == []


def test_definitions_that_can_not_be_loaded_are_found_out_before_a_run(tmp_path: Path) -> None:
    """Everything that the definitions name can be resolved."""
    dg.Definitions.validate_loadable(definitions_of(departments_at(tmp_path / "home")))


def test_the_version_of_the_code_is_that_of_its_files_from_wherever_it_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory changes nothing; a changed file beside the training function does."""
    here = code_version(CREDIT)
    monkeypatch.chdir(tmp_path)
    assert code_version(CREDIT) == here
    (tmp_path / "moved").mkdir()
    for file in (PROJECT / "assets" / "credit").glob("*.py"):
        shutil.copy(file, tmp_path / "moved")
    (tmp_path / "moved" / "__init__.py").write_text("# changed\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    training = CREDIT.training.model_copy(update={"function": "moved.network:train_credit_network"})
    assert code_version(CREDIT.model_copy(update={"training": training})) != here


@pytest.mark.parametrize("stage", ["evaluation", "promotion", "deployment"])
def test_nothing_means_latest(tmp_path: Path, stage: str) -> None:
    """A stage past training that is launched alone, without a digest, fails and says which config it needs."""
    departments = departments_at(tmp_path / "home")
    definitions = build_definitions(departments.models, RunsOn({"lifecycle": resource_of(departments)}, dg.in_process_executor))
    asset = definitions.get_assets_def(dg.AssetKey(["credit", stage]))
    result = dg.materialize([asset], resources={"lifecycle": resource_of(departments)}, raise_on_error=False)
    said, metadata = failure_of(result)
    assert not result.success
    assert "names none" in said
    assert "digest" in metadata["next"]


def test_a_rollback_without_a_reason_is_not_done(tmp_path: Path) -> None:
    """The job fails and asks for the reason."""
    result = run(departments_at(tmp_path / "home"), "credit_rollback")
    assert not result.success
    assert "reason" in failure_of(result)[0]


@pytest.mark.slow
@pytest.mark.xdist_group("stages")
def test_a_forged_check_deploys_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reaches Dagster can report a passed gate; the deployment asks the gate itself, and trusts only the ledger."""
    departments, _ = copy_of_home_at_the_gate(tmp_path)

    monkeypatch.setattr(Departments, "gateway", Answering())
    digest = standing.trained(departments, "credit", 1).event.subject.digest
    with dg.DagsterInstance.ephemeral() as instance:
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(asset_key=dg.AssetKey(["credit", "promotion"]), check_name="gate", passed=True, metadata={})
        )
        instance.report_runless_asset_event(
            dg.AssetMaterialization(asset_key=dg.AssetKey(["credit", "promotion"]), metadata={"outcome": "allow"})
        )
        result = (
            definitions_of(departments)
            .resolve_job_def("credit_deploy")
            .execute_in_process(
                run_config={"ops": {"credit__deployment": {"config": {"digest": digest}}}}, raise_on_error=False, instance=instance
            )
        )
    assert not result.success
    assert "APR-" in failure_of(result)[1]["rules"]
    assert departments.ledger.events(types=("RolloutRequested",)) == []
    assert standing.states(departments)[("credit", 1)] == "waiting"


@pytest.mark.slow
@pytest.mark.xdist_group("stages")
def test_the_approvals_sensor_says_for_whom_it_waits_and_then_asks_for_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before: a skip reason that a person understands. After: a run request by digest, under one key, once a gateway runs."""
    departments, cast = copy_of_home_at_the_gate(tmp_path)
    definitions = definitions_of(departments)
    sensor = sensors.approvals(departments.model("credit"), definitions.resolve_job_def("credit_deploy"))
    resources = {"lifecycle": resource_of(departments)}
    before = sensor.evaluate_tick(dg.build_sensor_context(definitions=definitions, resources=resources))
    approve_version(departments, "credit", 1, person=cast.officer, key_file=cast.key(cast.officer), reason="It is within its limits.")
    without_gateway = sensor.evaluate_tick(dg.build_sensor_context(definitions=definitions, resources=resources))
    monkeypatch.setattr(Departments, "gateway", Answering())
    ticks = [sensor.evaluate_tick(dg.build_sensor_context(definitions=definitions, resources=resources)) for _ in range(2)]
    assert before.skip_message == "credit:1 waits for 1 of 1 approvals: risk"
    assert "gateway start" in (without_gateway.skip_message or "")
    requests = [request for tick in ticks for request in tick.run_requests or []]
    assert len(requests) == 2
    assert requests[0].run_key == requests[1].run_key
    digest = standing.trained(departments, "credit", 1).event.subject.digest
    assert requests[0].run_config["ops"]["credit__deployment"]["config"] == {"digest": digest, "version": 1}


@pytest.mark.slow
@pytest.mark.xdist_group("stages")
def test_the_new_data_sensor_stays_quiet_while_the_source_is_the_same(tmp_path: Path) -> None:
    """The source's digest is that of what was ingested, so there is nothing to train on."""
    departments, _ = copy_of_home_at_the_gate(tmp_path)
    definitions = definitions_of(departments)
    sensor = sensors.new_data(departments.model("credit"), definitions.resolve_job_def("credit_train_to_gate"))
    tick = sensor.evaluate_tick(dg.build_sensor_context(definitions=definitions, resources={"lifecycle": resource_of(departments)}))
    assert tick.skip_message is not None
    assert "ingested already" in tick.skip_message
