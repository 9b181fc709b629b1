"""The prediction log: every row is there, once, with a commitment to what was asked."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lifecycle.errors import Tampered, Unavailable, UnknownName
from lifecycle.records.identity import Opening, new_id
from lifecycle.serving.prediction_log import writing as predictions
from lifecycle.serving.prediction_log.kept_values import KeptValues
from lifecycle.serving.prediction_log.reading import PredictionLog
from lifecycle.serving.prediction_log.writing import PredictionWriter
from tests.serving.prediction_log.rows import asked, row


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Five rows by two workers, the second version among them."""
    first, second = PredictionWriter(tmp_path, 0), PredictionWriter(tmp_path, 1)
    first.append("credit", [row(1), row(4)], [asked(income=1.0), asked(income=4.0)])
    second.append("credit", [row(2), row(3, version=2)], [asked(income=2.0), asked(income=3.0)])
    first.append("credit", [row(5)], [asked(income=5.0)])
    first.label("credit", "p2", "good", 10)
    second.label("credit", "p2", "bad", 11)
    first.close()
    second.close()
    return tmp_path


def test_rows_of_all_workers_come_in_the_order_of_their_time(written: Path) -> None:
    """Windows include their start and exclude their end; values and labels stand beside each row."""
    rows = list(PredictionLog(written).rows("credit", 2, 5))
    assert [(found["id"], found["values"], found["label"]) for found in rows] == [
        ("p2", {"income": 2.0}, "bad"),
        ("p3", {"income": 3.0}, None),
        ("p4", {"income": 4.0}, None),
    ]
    assert [found["id"] for found in PredictionLog(written).rows("credit", version=2)] == ["p3"]


def test_a_label_of_whoever_may_label_its_own_counts_where_it_asked(tmp_path: Path) -> None:
    """Under whatever grant, and in another worker's file; not for what somebody else asked, nor for what nobody with a key did."""
    writer, other = PredictionWriter(tmp_path, 0), PredictionWriter(tmp_path, 1)
    by_portal = asked(income=1.0) | {"grant_id": "an-earlier-grant", "principal": "portal"}
    by_branch = asked(income=2.0) | {"grant_id": "grant-2", "principal": "branch"}
    writer.append("credit", [row(1), row(2), row(3)], [by_portal, by_branch, asked(income=3.0)])
    for number in (1, 2, 3):
        other.label("credit", f"p{number}", "good", 10, {"grant_id": "grant-1", "asked_by": "portal"})
    assert labels(tmp_path) == {"p1": "good", "p2": None, "p3": None}
    writer.label("credit", "p2", "bad", 11, {"grant_id": "grant-3"})
    assert labels(tmp_path) == {"p1": "good", "p2": "bad", "p3": None}
    assert [PredictionLog(tmp_path).locate(f"p{number}").label for number in (1, 2, 3)] == ["good", "bad", None]
    writer.close()
    other.close()


def test_whose_a_prediction_was_goes_with_what_was_asked(tmp_path: Path) -> None:
    """Once that is erased nobody can say that it was their own: such a label counts no more, and one of anybody's does."""
    writer = PredictionWriter(tmp_path, 0)
    said = asked(income=1.0) | {"grant_id": "grant-1", "principal": "portal"}
    writer.append("credit", [row(1), row(2)], [said, said])
    writer.label("credit", "p1", "good", 10, {"grant_id": "grant-1", "asked_by": "portal"})
    writer.label("credit", "p2", "good", 10, {"grant_id": "grant-3"})
    assert labels(tmp_path) == {"p1": "good", "p2": "good"}
    writer.close()
    kept = KeptValues(tmp_path)
    kept.erase(kept.of("somebody@example.org"))
    assert labels(tmp_path) == {"p1": None, "p2": "good"}


def labels(folder: Path) -> dict[str, str | None]:
    """What is read of each prediction, alike with what was asked and without."""
    bare = {row["id"]: row["label"] for row in PredictionLog(folder).rows("credit", with_values=False)}
    assert bare == {row["id"]: row["label"] for row in PredictionLog(folder).rows("credit")}
    return bare


def test_the_commitment_opens_to_what_was_asked(written: Path) -> None:
    """Salt, values and the caller's id give the hash in the row; without them it says nothing."""
    found = next(PredictionLog(written).rows("credit"))
    line = next((written / "credit" / "values").glob("*-0-*.jsonl")).read_text().splitlines()[0]
    salt = line.partition('"salt":"')[2].partition('"')[0]
    assert (
        Opening(salt_hex=salt, value={name: found[name] for name in ("request_id", "values")}).commitment().digest
        == found["input_commitment"]
    )


def test_erased_values_leave_the_rows(written: Path) -> None:
    """Removing what was asked leaves every row and its commitment as they were."""
    before = [found["input_commitment"] for found in PredictionLog(written).rows("credit")]
    for segment in (written / "credit" / "values").iterdir():
        segment.unlink()
    rows = list(PredictionLog(written).rows("credit"))
    assert [found["input_commitment"] for found in rows] == before
    assert all(found["values"] is found["request_id"] is None for found in rows)


def test_nothing_that_a_caller_sent_stands_in_a_row(written: Path) -> None:
    """Neither what was asked nor the caller's own id of it, which may be a name."""
    rows = b"".join(segment.read_bytes() for segment in (written / "credit" / "rows").iterdir())
    assert b"somebody" not in rows
    assert b"income" not in rows
    assert next(PredictionLog(written).rows("credit"))["request_id"] == "somebody@example.org"


def test_values_that_were_changed_are_not_believed(written: Path) -> None:
    """What was asked is held against the commitment in the row."""
    for segment in (written / "credit" / "values").iterdir():
        segment.write_bytes(segment.read_bytes().replace(b'"income":3', b'"income":9'))
    with pytest.raises(Tampered, match="not what its row was committed to"):
        PredictionLog(written).find("p3")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"schema_version": "lifecycle.prediction/2"}, id="a later form"),
        pytest.param({"request_id": "r"}, id="a field more"),
        pytest.param({"version": "1"}, id="a number as text"),
        pytest.param({"arm": "other"}, id="no such arm"),
        pytest.param({"input_commitment": "sha256:0"}, id="no digest"),
    ],
)
def test_a_row_of_another_form_is_named(written: Path, change: dict[str, Any]) -> None:
    """What no reader here knows is refused, never half understood."""
    segment = next((written / "credit" / "rows").glob("*-0-*.jsonl"))
    segment.write_text(json.dumps(row(9) | change) + "\n")
    with pytest.raises(Tampered, match="Line 1"):
        list(PredictionLog(written).rows("credit"))


def test_a_torn_last_line_is_left_out(written: Path) -> None:
    """A row that a crash tore was never answered; the rows before it are whole."""
    segment = next((written / "credit" / "rows").glob("*-0-*.jsonl"))
    segment.write_bytes(segment.read_bytes()[:-5])
    assert [found["id"] for found in PredictionLog(written).rows("credit")] == ["p1", "p2", "p3", "p4"]


def test_a_changed_line_is_named(written: Path) -> None:
    """A line that is no row any more raises, with its place."""
    segment = next((written / "credit" / "rows").glob("*-0-*.jsonl"))
    segment.write_bytes(b"{nonsense}\n" + segment.read_bytes())
    with pytest.raises(Tampered, match="Line 1"):
        list(PredictionLog(written).rows("credit"))


def test_one_prediction_is_found_by_its_id(written: Path) -> None:
    """An id finds its row; one that was never given out raises."""
    found = PredictionLog(written).find("p3")
    assert (found["version"], found["values"]) == (2, {"income": 3.0})
    with pytest.raises(UnknownName, match="p9"):
        PredictionLog(written).find("p9")


def test_an_id_that_somebody_sent_as_a_value_finds_nothing(tmp_path: Path) -> None:
    """A prediction is found by its own id, whatever stands in what was asked of others."""
    writer = PredictionWriter(tmp_path, 0)
    writer.append("credit", [row(1), row(2)], [asked(id="p2"), asked(income=2.0)])
    writer.close()
    assert PredictionLog(tmp_path).find("p2")["values"] == {"income": 2.0}


def test_a_segment_takes_only_so_many_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proof of one row then has a bounded number of hashes."""
    monkeypatch.setattr(predictions, "SEGMENT_ROWS", 4)
    writer = PredictionWriter(tmp_path, 0)
    for first in (0, 3, 6):
        writer.append("credit", [row(first + number) for number in range(3)], [asked()] * 3)
    writer.close()
    lengths = [len(path.read_bytes().splitlines()) for path in sorted((tmp_path / "credit" / "rows").iterdir())]
    assert lengths == [3, 3, 3]


def test_segments_roll_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A segment that has grown past its size is followed by another, and no row is lost between them."""
    monkeypatch.setattr(predictions, "SEGMENT_BYTES", 1_000)
    writer = PredictionWriter(tmp_path, 0)
    for number in range(10):
        writer.append("credit", [row(number)], [asked()])
    writer.close()
    assert len(list((tmp_path / "credit" / "rows").iterdir())) > 1
    assert len(list(PredictionLog(tmp_path).rows("credit"))) == 10


def test_a_full_disk_leaves_whole_lines_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that is cut short is taken back, and the request is not answered."""
    writer = PredictionWriter(tmp_path, 0)
    writer.append("credit", [row(1)], [asked()])
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: real(descriptor, content[:10]))
    with pytest.raises(Unavailable, match="No space left"):
        writer.append("credit", [row(2)], [asked()])
    monkeypatch.undo()
    writer.append("credit", [row(3)], [asked()])
    writer.close()
    assert [found["id"] for found in PredictionLog(tmp_path).rows("credit")] == ["p1", "p3"]


def test_values_of_an_earlier_form_are_read(written: Path) -> None:
    """What was asked was kept in another order of its names at first, and with a point in whole numbers."""
    for segment in (written / "credit" / "values").iterdir():
        earlier = [json.loads(line) | {"values": {"income": 3.0}} for line in segment.read_bytes().splitlines() if b'"income":3' in line]
        if earlier:
            segment.write_text("".join(json.dumps(one, separators=(",", ":")) + "\n" for one in earlier))
    assert PredictionLog(written).find("p3")["values"] == {"income": 3.0}


def test_a_second_row_of_an_id_is_named(written: Path) -> None:
    """Attack: a row of somebody's own is laid beside the one that was sealed, so that an explanation tells another answer."""
    liar = PredictionWriter(written, 2)
    liar.append("credit", [row(3, outcome="answered", version=1)], [asked(income=9.0)])
    liar.close()
    with pytest.raises(Tampered, match=r"p3 stands in 2 segments of the log: \S+\.jsonl and \S+\.jsonl"):
        PredictionLog(written).find("p3")


def test_a_second_row_is_named_where_the_first_one_s_file_lost_its_times(tmp_path: Path) -> None:
    """What is in no sealed segment is looked for to the last file: times of files are anybody's to set."""
    prediction, honest, liar = new_id(), PredictionWriter(tmp_path, 0), PredictionWriter(tmp_path, 1)
    honest.append("credit", [row(1, id=prediction)], [asked(income=1.0)])
    honest.close()
    for file in (tmp_path / "credit" / "rows").iterdir():
        os.utime(file, (0, 0))
    assert PredictionLog(tmp_path).find(prediction)["values"] == {"income": 1.0}
    liar.append("credit", [row(2, id=prediction)], [asked(income=2.0)])
    liar.close()
    with pytest.raises(Tampered, match="stands in 2 segments"):
        PredictionLog(tmp_path).find(prediction)


def test_a_number_with_an_exponent_is_read_as_it_was_sent(tmp_path: Path) -> None:
    """Its canonical form is written apart; whoever reads the log gets the number, and what was handed in is as it was."""
    said = asked(income=1.5e-07)
    writer = PredictionWriter(tmp_path, 0)
    writer.append("credit", [row(1)], [said])
    writer.close()
    assert PredictionLog(tmp_path).find("p1")["values"] == {"income": 1.5e-07}
    assert said["values"] == {"income": 1.5e-07}


@pytest.mark.parametrize("forged", [{"values": 5}, {"values": None}, {"values": [1]}, {"salt": 7}, {"request_id": None, "values": "x"}])
def test_values_of_no_form_at_all_are_named(written: Path, forged: dict[str, Any]) -> None:
    """Whatever somebody wrote into a line, it is told as altered, and nothing else breaks over it."""
    for segment in (written / "credit" / "values").iterdir():
        lines = [json.loads(line) | forged for line in segment.read_bytes().splitlines()]
        segment.write_text("".join(json.dumps(one, separators=(",", ":")) + "\n" for one in lines))
    with pytest.raises(Tampered):
        PredictionLog(written).find("p3")
