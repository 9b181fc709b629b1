"""The recall as an asset: what it shows, what it writes, and what it refuses."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from lifecycle.launching import failure_of
from lifecycle.life.gates import standing
from lifecycle.life.reconciling.reconciling_runs import made_by
from lifecycle.life.reconciling.runs_seen import CHECKS
from lifecycle.records.bodies.recalls import DecisionsRecalled
from tests.life.recalled_home import BAD, GOOD, RecalledHome
from tests.stages.runs import run

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("life")]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RecalledHome:
    """credit:1 told both outcomes of two applications, so that one of each pair would be another decision now."""
    made = RecalledHome(tmp_path)
    monkeypatch.setattr(standing, "serving_version", lambda departments, model: 1)
    for number in range(2):
        made.tell(2 * number, GOOD, values=made.values[number])
        made.tell(2 * number + 1, BAD, values=made.values[number])
    made.seal()
    return made


def test_a_recall_shows_its_figures_and_where_its_list_lies(home: RecalledHome) -> None:
    """The record is of this run; the file has the decisions that differ and names nobody; Dagster's check says that it is whole."""
    result = run(home.departments, "credit_recall", {"credit__recall": {"version": 1}})
    assert result.success
    (made,) = result.asset_materializations_for_node("credit__recall")
    (recorded,) = home.departments.ledger.events(types=("DecisionsRecalled",))
    assert recorded.event.run_id == result.run_id
    shown = {name: value.value for name, value in made.metadata.items()}
    assert (shown["decisions"], shown["asked again"], shown["would be others now"]) == (4, 4, 2)
    assert shown["ledger index"] == recorded.index
    export = Path(str(shown["export"]))
    assert export.parent == home.home / "exports" / "recalls"
    rows = list(csv.DictReader(export.read_text().splitlines()))
    assert [row["told_decision"] == row["now_decision"] for row in rows] == [False, False]
    assert b"caller-" not in export.read_bytes()
    assert b"request-" not in export.read_bytes()
    (check,) = result.get_asset_check_evaluations()
    assert (check.check_name, check.passed) == ("whole", True)
    shown_as = made_by(recorded)
    assert shown_as is not None
    assert (shown_as.stage, shown_as.data_version) == ("recall", made.tags["dagster/data_version"])
    assert dict(shown_as.checks) == dict.fromkeys(CHECKS["recall"], True)


def test_a_recall_of_a_log_with_an_altered_row_fails_its_check(home: RecalledHome) -> None:
    """What could be asked again is shown and recorded all the same, and reconciliation expects the check as it is."""
    (first, *_) = sorted((home.log / "credit" / "rows").glob("*.jsonl"))
    first.write_bytes(first.read_bytes().replace(b'"decision":"good"', b'"decision":"evil"'))
    result = run(home.departments, "credit_recall", {"credit__recall": {"version": 1}})
    (check,) = result.get_asset_check_evaluations()
    assert not check.passed
    (recorded,) = home.departments.ledger.events(types=("DecisionsRecalled",))
    assert standing.body_of(recorded, DecisionsRecalled).altered == 1
    shown_as = made_by(recorded)
    assert shown_as is not None
    assert dict(shown_as.checks) == {"whole": False}


@pytest.mark.parametrize(
    ("config", "said"),
    [({}, "is not said"), ({"version": 1, "since": "yesterday"}, "is no time"), ({"version": 9}, "credit:9")],
)
def test_a_recall_that_does_not_say_what_of_is_not_made(home: RecalledHome, config: dict[str, object], said: str) -> None:
    """Nothing means "latest", and nothing is recorded."""
    before = home.departments.ledger.head()
    result = run(home.departments, "credit_recall", {"credit__recall": config})
    assert not result.success
    assert said in failure_of(result)[0]
    assert home.departments.ledger.head() == before


def test_a_recall_since_a_time_leaves_out_what_was_told_before(home: RecalledHome) -> None:
    """A time without a zone is UTC; one after all of them leaves none."""
    result = run(home.departments, "credit_recall", {"credit__recall": {"version": 1, "since": "2026-11-20T08:00:00"}})
    assert result.success
    (recorded,) = home.departments.ledger.events(types=("DecisionsRecalled",))
    body = standing.body_of(recorded, DecisionsRecalled)
    assert (body.since_us, body.decisions) == (1_795_161_600_000_000, 0)
