"""Whoever reaches Dagster's pages can write into its event log. None of that moves a version.

Dagster's open-source pages have no log-in. Each attack here is one that they accept; each ends at the ledger.
"""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from dagster import AssetCheckEvaluation

from lifecycle.life.gates import standing
from lifecycle.serving.client import GatewayClient
from lifecycle.wiring import Departments
from tests.scenarios.homes import copy_of_home_at_the_gate
from tests.stages.runs import QUIET, definitions_of

PROMOTION = dg.AssetKey(["credit", "promotion"])
EFFECTS = ("RolloutRequested", "RolloutStepReached", "RolloutCompleted", "ApprovalGiven")

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("scenarios")]


@pytest.fixture
def departments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Departments:
    """A home whose credit:1 waits for an approval; the gateway is up, so that it is the gate that has to say no."""
    made, _ = copy_of_home_at_the_gate(tmp_path)
    monkeypatch.setattr(GatewayClient, "status", lambda self: None)
    return made


def deploy(departments: Departments, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    """Runs `credit_deploy` on credit:1 alone, as anybody can from the pages."""
    digest = standing.trained(departments, "credit", 1).event.subject.digest
    job = definitions_of(departments).resolve_job_def("credit_deploy")
    config = {"ops": {"credit__deployment": {"config": {"digest": digest}}}, "loggers": QUIET}
    return job.execute_in_process(instance=instance, run_config=config, raise_on_error=False)


def require_untouched(departments: Departments) -> None:
    """credit:1 still waits, and nothing that has an effect was recorded."""
    assert standing.states(departments)[("credit", 1)] == "waiting"
    assert not departments.ledger.events(types=EFFECTS)


def refusal(result: dg.ExecuteInProcessResult) -> str:
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    data = failed.step_failure_data.user_failure_data
    assert data is not None
    return str({key: value.value for key, value in data.metadata.items()})


def test_a_forged_passing_check_deploys_nothing(departments: Departments) -> None:
    """A green check of the promotion gate, reported by hand, is accepted by Dagster and refused by the deployment's own gate."""
    with dg.instance_for_test() as instance:
        instance.report_runless_asset_event(AssetCheckEvaluation(asset_key=PROMOTION, check_name="gate", passed=True, metadata={}))
        result = deploy(departments, instance)
    assert not result.success
    assert "APR-001" in refusal(result)
    require_untouched(departments)


def test_a_forged_materialization_deploys_nothing(departments: Departments) -> None:
    """A promotion reported as materialized with the outcome `allow` is a picture, and no decision."""
    with dg.instance_for_test() as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization(PROMOTION, metadata={"outcome": "allow", "version": "credit:1"}))
        result = deploy(departments, instance)
    assert not result.success
    require_untouched(departments)


def test_the_deployment_run_alone_deploys_nothing(departments: Departments) -> None:
    """A blocking check guards its own run only; the deployment launched alone asks the gate itself."""
    with dg.instance_for_test() as instance:
        result = deploy(departments, instance)
    assert not result.success
    require_untouched(departments)


def test_wiping_dagsters_history_wipes_no_proof(departments: Departments) -> None:
    """With every asset wiped from the pages the ledger is what it was, and verifies."""
    from lifecycle.ledger.verifying.verification import verify_ledger

    before = departments.ledger.head()
    with dg.instance_for_test() as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization(PROMOTION))
        instance.wipe_assets([PROMOTION])
        assert instance.get_latest_materialization_event(PROMOTION) is None
    assert departments.ledger.head() == before
    assert verify_ledger(departments.settings.ledger_url, departments.ledger_key).ok
