"""A recall: what a version told callers, asked again of the version of now, with nothing guessed."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle.cli import main
from lifecycle.errors import InvalidDeclaration, Refused, Tampered, Unavailable, UnknownName
from lifecycle.life.gates import standing
from lifecycle.life.recall import Recall, recall_version
from lifecycle.life.recall_export import COLUMNS, as_csv, as_parquet
from lifecycle.records.bodies.training import ModelTrained
from lifecycle.records.identity import now_us
from lifecycle.records.recall import RecallList
from lifecycle.records.record import HOUR_US
from lifecycle.serving.homes import PODS
from lifecycle.serving.prediction_log.kept_values import KeptValues
from lifecycle.serving.prediction_log.writing import PredictionWriter
from tests.life.recalled_home import BAD, GOOD, RecalledHome
from tests.scenarios.homes import PROJECT
from tests.serving.prediction_log.rows import row

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("life")]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RecalledHome:
    made = RecalledHome(tmp_path)
    # Not before: whoever makes the first home of a session makes the one that all others are copies of.
    monkeypatch.setattr(standing, "serving_version", lambda departments, model: 1)
    return made


def findings(recalled: Recall) -> dict[str, str]:
    return {one.told.row.id: one.finding for one in recalled.decisions}


def test_each_answer_of_the_version_is_asked_again_and_those_that_differ_are_told(home: RecalledHome) -> None:
    """Each application was told both outcomes once, so exactly one of each pair differs; what nobody was told is left out."""
    for number in range(5):
        home.tell(2 * number, GOOD, values=home.values[number])
        home.tell(2 * number + 1, BAD, values=home.values[number])
    home.tell(10, GOOD, arm="shadow", shadow_of="p1")
    home.tell(11, GOOD, version=2)
    home.seal()
    recalled = home.recall()
    assert [one.told.row.id for one in recalled.decisions] == [f"p{number}" for number in range(10)]
    for number in range(5):
        assert sorted(findings(recalled)[f"p{2 * number + one}"] for one in (0, 1)) == ["differs", "same"]
    body = recalled.body
    assert (body.decisions, body.rescored, body.differing, body.unread) == (10, 10, 5, 0)
    recalled.require_whole()


def test_what_a_clusters_pods_told_is_recalled_with_the_rest(home: RecalledHome) -> None:
    """Also what a pod told that is gone; what was sealed there and lies there no more is counted as not read."""
    pod = home.home / PODS / "credit-v1-a"
    home.tell(0, GOOD)
    home.tell(1, BAD, log=pod / "gateway" / "predictions")
    home.seal()
    home.seal(pod)
    recalled = home.recall()
    assert [one.told.row.id for one in recalled.decisions] == ["p0", "p1"]
    recalled.require_whole()
    pod.rename(home.home / "elsewhere")
    with pytest.raises(Unavailable, match="in this home"):
        home.recall().require_whole()


def test_what_was_erased_is_counted_and_not_guessed(home: RecalledHome) -> None:
    """Its row is still listed; what it would be now nobody can say."""
    home.tell(0, GOOD)
    home.tell(1, GOOD)
    home.seal()
    values = KeptValues(home.log)
    values.erase(values.of("caller-0"))
    recalled = home.recall()
    assert findings(recalled)["p0"] == "erased"
    assert recalled.decisions[0].now is None
    assert (recalled.body.erased, recalled.body.rescored) == (1, 1)
    recalled.require_whole()


def test_values_that_the_version_of_now_would_refuse_are_not_asked(home: RecalledHome) -> None:
    """A category that it does not know, a column that it lacks: its neighbours are answered all the same."""
    home.tell(0, GOOD, values={name: of for name, of in home.values[0].items() if name != "income"})
    home.tell(1, GOOD, values=home.values[1] | {"stranger": 1.0})
    home.tell(2, GOOD, values=home.values[2] | {"income": "much"})
    home.tell(3, GOOD)
    found = findings(home.recall())
    assert [found[f"p{number}"] for number in range(3)] == ["not_taken"] * 3
    assert found["p3"] in ("same", "differs")


def test_only_decisions_since_a_time_are_asked(home: RecalledHome) -> None:
    """The time itself is included."""
    for number in range(4):
        home.tell(number, GOOD)
    assert list(findings(home.recall(since_us=2))) == ["p2", "p3"]


def test_a_time_to_come_is_refused_and_recorded_nowhere(home: RecalledHome) -> None:
    """It would say that nothing was told."""
    home.tell(0, GOOD)
    with pytest.raises(InvalidDeclaration, match="still to come"):
        home.recall(since_us=now_us() + HOUR_US)
    assert not home.departments.ledger.events(types=("DecisionsRecalled",))


def test_where_nothing_serves_each_decision_is_listed_and_none_is_asked(home: RecalledHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """A first version that was revoked leaves nobody to ask."""
    home.tell(0, GOOD)
    monkeypatch.setattr(standing, "serving_version", lambda departments, model: None)
    recalled = home.recall()
    assert (recalled.body.by_version, recalled.body.decisions, recalled.body.not_taken) == (None, 1, 1)


def test_a_version_that_serves_is_not_recalled(home: RecalledHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its decisions stand; nothing is recorded."""
    monkeypatch.setattr(standing, "states", lambda departments: {("credit", 1): "serving"})
    before = home.departments.ledger.head()
    with pytest.raises(Refused, match="still stand"):
        home.recall()
    with pytest.raises(UnknownName, match="credit:9"):
        recall_version(home.departments, "credit", 9)
    assert home.departments.ledger.head() == before


def swap_the_row(home: RecalledHome) -> None:
    """The answer that was told is turned round in the sealed row."""
    (segment,) = (home.log / "credit" / "rows").glob("*.jsonl")
    segment.write_bytes(segment.read_bytes().replace(b'"decision":"good"', b'"decision":"evil"'))


def swap_the_values(home: RecalledHome) -> None:
    """Another request is put beside the row: the decision would look right, or wrong, for another reason."""
    (kept,) = (home.log / "credit" / "values").glob("*.jsonl")
    kept.write_bytes(kept.read_bytes().replace(b"request-0", b"request-1"))


@pytest.mark.parametrize("attack", [swap_the_row, swap_the_values])
def test_an_altered_decision_is_never_asked_again(home: RecalledHome, attack: Callable[[RecalledHome], None]) -> None:
    """It is told as altered, in the ledger too, and the recall is not whole."""
    home.tell(0, GOOD)
    home.seal()
    attack(home)
    recalled = home.recall()
    assert findings(recalled) == {"p0": "altered"}
    assert recalled.body.altered == 1
    with pytest.raises(Tampered, match="not as they were sealed"):
        recalled.require_whole()


def test_a_sealed_segment_that_is_gone_makes_the_list_not_whole(home: RecalledHome) -> None:
    """How many decisions it had is known from its seal."""
    home.tell(0, GOOD)
    home.tell(1, GOOD)
    home.seal()
    min((home.log / "credit" / "rows").glob("*.jsonl")).unlink()
    recalled = home.recall()
    assert (recalled.body.decisions, recalled.body.unread) == (1, 1)
    with pytest.raises(Unavailable, match="not in this home"):
        recalled.require_whole()


def test_a_version_of_now_whose_bytes_are_others_answers_nothing(home: RecalledHome) -> None:
    """The signature is checked before anybody is asked, and nothing is recorded."""
    home.tell(0, GOOD)
    body = standing.body_of(standing.trained(home.departments, "credit", 1), ModelTrained)
    manifest = json.loads(home.departments.artifacts.read(body.model_digest))
    graph = next(one["digest"] for one in manifest["files"] if one["part"] == "graph").removeprefix("sha256:")
    for copy in (path for path in home.home.rglob(f"*{graph[2:]}*") if path.is_file()):
        copy.chmod(0o600)
        copy.write_bytes(b"x" * copy.stat().st_size)
    before = home.departments.ledger.head()
    with pytest.raises(Tampered):
        home.recall()
    assert home.departments.ledger.head() == before


def test_what_is_recorded_names_the_list_and_nobody(home: RecalledHome) -> None:
    """The list lies in the store by its digest; neither it nor the record says who asked, or what."""
    home.tell(0, GOOD, values=home.values[0])
    home.tell(1, BAD, values=home.values[0])
    recalled = home.recall()
    stored = home.departments.artifacts.read(recalled.body.list_digest)
    listed = RecallList.parse(stored)
    assert [one.prediction_id for one in listed.differing] == [one.told.row.id for one in recalled.differing]
    assert len(listed.differing) == 1
    for said in (b"caller-", b"request-"):
        assert said not in stored
        assert said not in recalled.recorded.event.canonical()


def test_the_command_writes_those_that_differ_and_ends_with_4_where_a_row_was_altered(
    home: RecalledHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """CSV for the eye, with everything on demand; the file is nobody else's to read."""
    home.tell(0, GOOD, values=home.values[0])
    home.tell(1, BAD, values=home.values[0])
    home.seal()
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(PROJECT))
    monkeypatch.setenv("LIFECYCLE_HOME", str(home.home))
    out = tmp_path / "differ.csv"
    assert main.run(["recall", "credit:1", "--out", str(out)]) == 0
    assert "2 decisions" in capsys.readouterr().out
    (told,) = csv.DictReader(out.read_text().splitlines())
    assert (told["finding"], told["subject"]) == ("differs", f"caller-{told['prediction_id'].removeprefix('p')}")
    assert out.stat().st_mode & 0o077 == 0
    assert main.run(["recall", "credit:1", "--out", str(out), "--all"]) == 0
    assert len(out.read_text().splitlines()) == 3
    capsys.readouterr()
    assert main.run(["recall", "credit:1", "--json"]) == 0
    assert {one["finding"] for one in json.loads(capsys.readouterr().out)["decisions"]} == {"same", "differs"}
    assert main.run(["recall", "credit:1", "--out", str(tmp_path / "differ.txt")]) == 2
    (segment, *_) = (home.log / "credit" / "rows").glob("*.jsonl")
    segment.write_bytes(segment.read_bytes().replace(b'"latency_us":900', b'"latency_us":901'))
    assert main.run(["recall", "credit:1"]) == 4


def test_where_nothing_could_be_asked_again_nobody_is_told_that_nothing_differs(
    home: RecalledHome, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """That none differs, said of decisions that nobody asked again, would be taken for an all-clear."""
    home.tell(0, GOOD)
    home.seal()
    monkeypatch.setenv("LIFECYCLE_PROJECT", str(PROJECT))
    monkeypatch.setenv("LIFECYCLE_HOME", str(home.home))
    monkeypatch.setattr(standing, "serving_version", lambda departments, model: None)
    assert main.run(["recall", "credit:1"]) == 0
    told = capsys.readouterr().out
    assert "What they would be now is not known." in told
    assert "None" not in told


def test_a_callers_text_is_no_formula_in_the_table(home: RecalledHome) -> None:
    """A spreadsheet that opens the file computes nothing that a caller sent; the Parquet file has the same columns."""
    import io

    import pyarrow.parquet as pq

    writer = PredictionWriter(home.log, 0)
    writer.append("credit", [row(0, output=GOOD)], [{"request_id": '=HYPERLINK("http://x")', "values": home.values[0]}])
    writer.close()
    decisions = home.recall().decisions
    (told,) = csv.DictReader(as_csv(decisions).decode().splitlines())
    assert told["request_id"] == '\'=HYPERLINK("http://x")'
    assert pq.read_table(io.BytesIO(as_parquet(decisions))).column_names == list(COLUMNS)
    assert pq.read_table(io.BytesIO(as_parquet(()))).num_rows == 0
