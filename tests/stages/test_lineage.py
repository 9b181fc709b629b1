"""The lineage export as an asset, and the sensor that sends it, on a home that a real candidate has lived in."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from lifecycle.automation.outbox import lineage_outbox
from lifecycle.lineage.export import FORMATS, lineage_of
from lifecycle.lineage.parsing import PARSERS
from lifecycle.wiring import Departments
from tests.lineage.receivers import receiver
from tests.scenarios.homes import copy_of_home_at_the_gate, departments_at
from tests.stages.runs import definitions_of, resource_of, run


def look(departments: Departments) -> str:
    """What the sensor says of one look."""
    context = dg.build_sensor_context(definitions=definitions_of(departments), resources={"lifecycle": resource_of(departments)})
    return lineage_outbox().evaluate_tick(context).skip_message or ""


def test_a_home_in_which_nothing_happened_is_exported_too(tmp_path: Path) -> None:
    """The daily run of the first night does not fail: a file in each format, signed by a key that is made for it."""
    departments = departments_at(tmp_path / "home")
    assert run(departments, "audit_lineage_export").success
    assert {path.parent.name for path in (departments.settings.home / "exports").rglob("ledger.*")} == set(FORMATS)


@pytest.mark.slow
def test_the_export_of_a_real_candidate_is_one_graph_in_four_files(tmp_path: Path) -> None:
    """What the asset writes is read back to the graph of the ledger, and a second run writes the same bytes."""
    departments, _ = copy_of_home_at_the_gate(tmp_path)
    results = [run(departments, "audit_lineage_export") for _ in range(2)]
    versions = [made.tags for result in results for made in result.asset_materializations_for_node("audit__lineage_export")]
    assert versions[0]["dagster/data_version"] == versions[1]["dagster/data_version"]
    expected = lineage_of(departments.ledger).graph.bare()
    assert "version/credit:1" in expected
    for form in FORMATS:
        (file,) = (departments.settings.home / "exports" / form).iterdir()
        assert PARSERS[form](file.read_bytes()).graph == expected, form


def test_without_an_address_the_sensor_says_that_nothing_is_sent(tmp_path: Path) -> None:
    """And makes no outbox."""
    departments = departments_at(tmp_path / "home")
    assert "LIFECYCLE_OPENLINEAGE_URL is not set" in look(departments)
    assert not (departments.settings.home / "outbox").exists()


@pytest.mark.slow
def test_the_sensor_sends_what_is_new_and_leaves_a_receiver_that_is_down_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything at the first look, nothing at the second, and no request while the receiver rests."""
    departments, _ = copy_of_home_at_the_gate(tmp_path)
    with receiver() as receiving:
        monkeypatch.setenv("LIFECYCLE_OPENLINEAGE_URL", receiving.url)
        assert f"took {2 * len(lineage_of(departments.ledger).graph.activities)} run events" in look(departments)
        assert "took 0 run events" in look(departments)
    with receiver(lambda request, count: (503, {})) as down:
        monkeypatch.setenv("LIFECYCLE_OPENLINEAGE_URL", down.url)
        assert "HTTP 503" in look(departments)
        assert "it is tried again at" in look(departments)
    assert len(down.requests) == 1
