"""What was asked can be found by whom it is about, and goes without a trace; the row stays as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lifecycle.serving.prediction_log.kept_values import Kept, KeptValues
from lifecycle.serving.prediction_log.reading import PredictionLog
from lifecycle.serving.prediction_log.writing import PredictionWriter
from tests.serving.prediction_log.rows import row


def asked(request_id: str, **more: Any) -> dict[str, Any]:
    return {"request_id": request_id, "values": {"income": 120.0, "home": "rent"}, **more}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Four rows: two about ms-ada, a name that no hex salt can spell by chance (one by a request id), one about bob, one about nobody."""
    writer = PredictionWriter(tmp_path, 0)
    writer.append("credit", [row(1), row(2)], [asked("r-1", subject="ms-ada"), asked("r-2", subject="bob")])
    writer.append("credit", [row(3), row(4)], [asked("ms-ada"), asked("r-4")])
    writer.close()
    return tmp_path


def values_of(log: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(log.rglob("values/*.jsonl")))


def test_a_person_is_found_by_subject_and_by_request(log: Path) -> None:
    """Every prediction about somebody is named with the commitment in its row."""
    rows = {found["id"]: found["input_commitment"] for found in PredictionLog(log).rows("credit")}
    assert KeptValues(log).of("ms-ada") == (Kept("credit", "p1", rows["p1"]), Kept("credit", "p3", rows["p3"]))
    assert KeptValues(log).of("nobody") == ()


def test_what_is_erased_is_in_no_file_any_more(log: Path) -> None:
    """The bytes of the value are overwritten; rows, lengths and everybody else's values are as they were."""
    rows = [file.read_bytes() for file in log.rglob("rows/*.jsonl")]
    length, others = len(values_of(log)), PredictionLog(log).find("p2")
    KeptValues(log).erase(KeptValues(log).of("ms-ada"))
    assert b"ms-ada" not in values_of(log)
    assert len(values_of(log)) == length
    assert [file.read_bytes() for file in log.rglob("rows/*.jsonl")] == rows
    assert PredictionLog(log).find("p2") == others
    assert PredictionLog(log).find("p1")["values"] is None
    assert [found["values"] is None for found in PredictionLog(log).rows("credit")] == [True, False, True, False]


def test_erasing_works_beside_a_writer_and_again(log: Path) -> None:
    """A worker appends on to the very file; erased twice is erased once."""
    writer = PredictionWriter(log, 1)
    writer.append("credit", [row(5)], [asked("r-5", subject="ms-ada")])
    kept = KeptValues(log).of("ms-ada")
    KeptValues(log).erase(kept)
    writer.append("credit", [row(6)], [asked("r-6", subject="bob")])
    KeptValues(log).erase(kept)
    writer.close()
    assert b"ms-ada" not in values_of(log)
    assert PredictionLog(log).find("p6")["request_id"] == "r-6"


def test_an_erasure_that_was_cut_short_is_finished(log: Path) -> None:
    """A line that is spaces half way is overwritten whole, by whatever erasure comes next."""
    kept = KeptValues(log).of("ms-ada")
    file = next(log.rglob("values/*.jsonl"))
    file.write_bytes(b" " * 90 + file.read_bytes()[90:])
    assert b"salt" in file.read_bytes().splitlines()[0] or b"income" in file.read_bytes().splitlines()[0]
    KeptValues(log).erase(kept)
    assert not file.read_bytes().splitlines()[0].strip()
    assert PredictionLog(log).find("p2")["request_id"] == "r-2"


@pytest.mark.parametrize("length", [0, 1, 12])
def test_what_a_crash_tore_goes_as_well(log: Path, length: int) -> None:
    """A last line without its line feed, whole or not, has the value in it all the same."""
    writer = PredictionWriter(log, 1)
    writer.append("credit", [row(5)], [asked("r-5", subject="ms-ada")])
    file = max(log.rglob("values/*.jsonl"))
    assert [one.prediction_id for one in KeptValues(log).of("ms-ada")] == ["p1", "p3", "p5"]
    file.write_bytes(file.read_bytes()[: -1 - length])
    assert [one.prediction_id for one in KeptValues(log).of("ms-ada")] == ["p1", "p3"]  # its writer may be in the middle of it
    writer.close()
    torn = file.read_bytes()
    KeptValues(log).erase(KeptValues(log).of("ms-ada"))
    assert file.read_bytes() == b" " * len(torn)
    assert b"ms-ada" not in values_of(log)
    assert KeptValues(log).of("ms-ada") == ()


def test_what_has_no_row_is_found_as_well(tmp_path: Path) -> None:
    """A crash between the two writes leaves a value without its row: it is personal all the same."""
    writer = PredictionWriter(tmp_path, 0)
    writer.append("credit", [row(1)], [asked("r-1", subject="ms-ada")])
    writer.close()
    next(tmp_path.rglob("rows/*.jsonl")).write_bytes(b"")
    assert KeptValues(tmp_path).of("ms-ada") == (Kept("credit", "p1", None),)
