"""Dagster's history held against the ledger: what was forged there, what the ledger has lost, and what is only gone from a view."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import StepMaterializationData

from lifecycle.errors import Unavailable
from lifecycle.history import read_history
from lifecycle.records.bodies.keeping import LedgerRestored
from tests.ledger.places import server
from tests.life.dagster_lives import DATASET, JOB, PROMOTION, Life, forged, life
from tests.records.samples.happenings import happenings

__all__ = ["server"]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def lived(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Life]:
    """One run that recorded two events and showed both, on either database that Dagster keeps its history in."""
    url = request.getfixturevalue("server").empty_database() if request.param == "postgresql" else None
    with life(tmp_path, url) as one:
        one.train()
        yield one


def test_a_history_that_says_what_the_ledger_says_contradicts_nothing(lived: Life) -> None:
    """Two runs, four records, no word."""
    lived.train()
    assert lived.reconciled() == ([], [])


@pytest.mark.parametrize("size", [0, 1])
def test_a_ledger_that_has_lost_its_end_is_contradicted_by_dagster(lived: Life, size: int) -> None:
    """Whoever drops the tail of the ledger has to know what Dagster shows of it."""
    contradictions, _ = lived.reconciled(size)
    assert [(one.kind, one.source) for one in contradictions][:1] == [("unrecorded", "dagster")]
    assert any("credit/promotion" in one.what for one in contradictions)
    assert any("its end is gone" in one.what for one in contradictions) == (size == 0)


def test_a_run_whose_records_and_assets_are_both_gone_still_shows(lived: Life) -> None:
    """The run itself says that it succeeded; the job is one that always records."""
    run_id = lived.train_without_a_word()
    (found,) = lived.reconciled()[0]
    assert (found.kind, found.run_id) == ("unrecorded_run", run_id)
    assert JOB in found.what


def test_a_materialization_that_nobody_ran_is_named(lived: Life) -> None:
    """Reported through the pages or the API: it has no run, and repeats what a true record says."""
    lived.instance.report_runless_asset_event(forged(DATASET))
    (found,) = lived.reconciled()[0]
    assert found.kind == "runless"
    assert "credit/dataset" in found.what
    assert "materialization" in found.what


def test_a_passing_check_that_nobody_ran_is_named(lived: Life) -> None:
    """Whoever reaches the pages can report that the gate allowed it."""
    passed = dg.AssetCheckEvaluation(asset_key=PROMOTION, check_name="gate", passed=True, metadata={})
    lived.instance.report_runless_asset_event(passed)
    lived.instance.report_runless_asset_event(dg.AssetObservation(DATASET))
    found, _ = lived.reconciled()
    assert [one.kind for one in found] == ["runless", "runless"]
    assert "(check)" in found[0].what
    assert "(observation)" in found[1].what


@pytest.mark.parametrize("run_id", ["", "11111111-1111-4111-8111-111111111111"])
def test_a_materialization_forged_into_a_run_is_named(lived: Life, run_id: str) -> None:
    """Written by somebody with the database in hand, under a genuine run or one that never was."""
    under = run_id or lived.train()
    made_up = dg.AssetMaterialization(DATASET, tags={"dagster/data_version": "sha256:" + "0" * 64})
    event = dg.DagsterEvent("ASSET_MATERIALIZATION", JOB, step_key="credit_stages", event_specific_data=StepMaterializationData(made_up))
    lived.instance.report_dagster_event(event, run_id=under)
    (found,) = lived.reconciled()[0]
    assert (found.kind, found.run_id) == ("unrecorded", under)
    assert "sha256:0000" in found.what


def test_a_record_that_is_borrowed_for_another_run_is_named(lived: Life) -> None:
    """The data version and the index are true, but it was another run that made it."""
    event = dg.DagsterEvent("ASSET_MATERIALIZATION", JOB, step_key="x", event_specific_data=StepMaterializationData(forged(DATASET)))
    lived.instance.report_dagster_event(event, run_id="22222222-2222-4222-8222-222222222222")
    (found,) = lived.reconciled()[0]
    assert found.kind == "unrecorded"
    assert "is of run" in found.what


def test_a_check_that_says_the_opposite_of_the_decision_is_named(lived: Life) -> None:
    """The gate asked for approval, and Dagster shows a pass for that very run."""
    run_id = lived.instance.get_runs()[0].run_id
    passed = dg.AssetCheckEvaluation(asset_key=PROMOTION, check_name="gate", passed=True, metadata={})
    event = dg.DagsterEvent("ASSET_CHECK_EVALUATION", JOB, step_key="credit_stages", event_specific_data=passed)
    before = lived.reconciled()[0]
    lived.instance.report_dagster_event(event, run_id=run_id)
    decision = lived.ledger[1].event.body
    found = [one for one in lived.reconciled()[0] if one not in before]
    assert getattr(decision, "decision").allowed is False  # noqa: B009  # the body is a DecisionMade
    assert [(one.kind, one.run_id, one.index) for one in found] == [("check", run_id, 1)]


def test_a_run_that_shows_and_records_nothing_is_named_for_each_asset_and_check(lived: Life) -> None:
    """Code that was changed to show a result without recording it."""
    run_id = lived.show_only()
    found, _ = lived.reconciled()
    assert {one.run_id for one in found} == {run_id}
    assert sorted(one.kind for one in found) == ["check", "unrecorded", "unrecorded"]


def test_a_deleted_run_is_told_and_is_no_contradiction(lived: Life) -> None:
    """The ledger is the truth; a view may lose what it likes."""
    run_id = lived.instance.get_runs()[0].run_id
    lived.instance.delete_run(run_id)
    contradictions, told = lived.reconciled()
    assert contradictions == []
    assert [run_id in one.what for one in told] == [True]
    assert "2 records" in told[0].what


def test_a_wiped_asset_is_told_with_when(lived: Life) -> None:
    """The record that it showed is named, and that somebody wiped it."""
    lived.instance.wipe_assets([DATASET])
    contradictions, told = lived.reconciled()
    assert contradictions == []
    assert any("record 0 has no materialization" in one.what for one in told)
    assert any("wiped credit/dataset" in one.what and one.at_us for one in told)


def test_a_wiped_storage_is_told_run_by_run(lived: Life, tmp_path: Path) -> None:
    """A Dagster home that was made anew knows no run, and nothing is proven less for it."""
    with life(tmp_path / "anew") as fresh:
        fresh.ledger = lived.ledger
        contradictions, told = fresh.reconciled()
    assert contradictions == []
    assert len(told) == 1


@pytest.mark.parametrize("lost", [0, 2])
def test_what_a_restore_has_lost_is_told_and_stays_no_contradiction_for_ever(lived: Life, lost: int) -> None:
    """The ledger itself says that its end is lost (it counts what was signed); what Dagster still shows of it is named."""
    lived.train()
    sample = next(event for event in happenings() if isinstance(event.body, LedgerRestored))
    restored = sample.model_copy(update={"body": sample.body.model_copy(update={"lost": lost})})
    shown_until = max(one.at_us for one in read_history(lived.instance, "tests").materialized)
    del lived.ledger[2:]
    lived.record(restored.model_copy(update={"occurred_at_us": shown_until + 1}))
    # The samples claim a time that is later than that of the runs here.
    lived.ledger[:2] = [one.model_copy(update={"event": one.event.model_copy(update={"occurred_at_us": 1})}) for one in lived.ledger[:2]]
    contradictions, told = lived.reconciled()
    assert contradictions == []
    assert sum("stands unjudged" in one.what for one in told) == 2
    lived.instance.report_runless_asset_event(forged(DATASET))
    assert [one.kind for one in lived.reconciled()[0]] == ["runless"]


def test_assets_of_others_in_the_same_dagster_are_nobody_s_business(lived: Life) -> None:
    """Another team's `weather/dataset` is not a stage of a model here."""
    lived.instance.report_runless_asset_event(forged(dg.AssetKey(["weather", "dataset"])))
    lived.instance.report_runless_asset_event(forged(dg.AssetKey("scratch")))
    assert lived.reconciled()[0] == []


def test_a_history_is_read_page_by_page_to_its_end(lived: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """With pages of one row, everything is found once."""
    lived.train()
    lived.train()
    whole = read_history(lived.instance, "tests")
    monkeypatch.setattr("lifecycle.history.PAGE", 1)
    assert read_history(lived.instance, "tests") == whole
    assert (len(whole.runs), len(whole.materialized), len(whole.checked)) == (3, 6, 3)


def test_a_storage_that_cannot_be_read_is_said_in_our_words(lived: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever Dagster's storage raises is Unavailable here, with where it lies."""

    def broken() -> None:
        raise RuntimeError("database disk image is malformed")

    monkeypatch.setattr(lived.instance, "all_asset_keys", broken)
    with pytest.raises(Unavailable, match=r"tests can't be read: RuntimeError: database disk image"):
        read_history(lived.instance, "tests")
