"""The reconciliation as an asset, and on a home that Dagster itself has lived in."""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import pytest

from lifecycle.cli import main
from lifecycle.launching import dagster_home, instance_at
from tests.scenarios.commands import CommandLine
from tests.scenarios.homes import PROJECT, copy_of_home_at_the_gate, departments_at
from tests.stages.runs import run


def check(result: dg.ExecuteInProcessResult) -> bool:
    (evaluation,) = result.get_asset_check_evaluations()
    return evaluation.passed


def test_an_untouched_home_agrees_with_its_dagster(tmp_path: Path) -> None:
    """The asset says how much it looked at, and its check passes."""
    result = run(departments_at(tmp_path / "home"), "audit_reconciliation")
    assert result.success
    assert check(result)
    (made,) = result.asset_materializations_for_node("audit__reconciliation")
    assert made.metadata["runs"].value == 1


def test_a_forged_materialization_fails_the_check_and_not_the_run(tmp_path: Path) -> None:
    """The account is made and shows what contradicts; a red run would hide it."""
    departments, _ = copy_of_home_at_the_gate(tmp_path)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization(dg.AssetKey(["credit", "deployment"])))
        result = run(departments, "audit_reconciliation", instance=instance)
        assert result.success
        assert not check(result)


@pytest.mark.slow
def test_what_the_real_stages_show_is_what_the_ledger_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A training run to the gate in a Dagster home on disk: not one contradiction; and each forgery in it is one, with exit code 4."""
    departments, _ = copy_of_home_at_the_gate(tmp_path)
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(PROJECT))
    monkeypatch.setenv("LIFECYCLE_HOME", str(departments.settings.home))
    folder = dagster_home(departments)
    departments.ledger.close()
    # A process of its own: an instance on disk takes the outputs of the process that it runs in.
    assert CommandLine(departments.settings.home)("train", "credit").code == 0

    assert main.run(["ledger", "reconcile", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ok"]
    assert found["looked_at"]["materializations"] == 4
    assert found["looked_at"]["checks"] == 3
    # The version in the home came to the gate without Dagster.
    assert [one["source"] for one in found["told"]] == ["dagster"]

    with instance_at(folder) as instance:
        gate = dg.AssetKey(["credit", "promotion"])
        instance.report_runless_asset_event(dg.AssetCheckEvaluation(asset_key=gate, check_name="gate", passed=True, metadata={}))
    assert main.run(["ledger", "reconcile", "--json"]) == 4
    found = json.loads(capsys.readouterr().out)
    assert [(one["source"], one["kind"]) for one in found["contradictions"]] == [("dagster", "runless")]
    assert main.run(["ledger", "reconcile"]) == 4
    assert "somebody reported credit/promotion" in capsys.readouterr().out
