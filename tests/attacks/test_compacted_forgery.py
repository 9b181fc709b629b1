"""Attacks on compacted predictions by somebody who may write the file and its proof, and has no key: the seals alone must decide."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from lifecycle.data.prediction_columns import read_lines, schema, write_rows
from lifecycle.errors import Tampered
from lifecycle.life.compaction_proof import proof_beside, proven_rows, written
from lifecycle.records.compaction import CompactedPredictions
from lifecycle.records.prediction import Prediction
from lifecycle.records.record import digest_of
from tests.life.compacting_home import CompactingHome
from tests.serving.prediction_log.rows import row


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rows.parquet"


def forged(file: Path, said: Mapping[str, Any], column: str, value: object) -> None:
    """Writes one row, with something else in one of its columns."""
    line = written(Prediction.of({**row(1), **said}).as_json())
    write_rows(file, [("a", [(line, Prediction.parse(line))])], written)
    (columns,) = parquet.read_table(file).to_pylist()
    parquet.write_table(pa.Table.from_pylist([columns | {column: value}], schema=schema()), file)


def test_a_probability_beside_an_answer_that_nobody_gave_shows(file: Path) -> None:
    """A referral has no output: a column that says one anyway makes another line than the one that was sealed."""
    referral = {"arm": "referral", "version": None, "output": None}
    sealed = written(Prediction.of(row(1) | referral).as_json())
    forged(file, referral, "probability", 0.99)
    assert [line for _, line in read_lines(file, written)] != [sealed]


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_a_probability_that_is_no_number_is_not_taken_for_none(file: Path, value: float) -> None:
    """JSON writes all three as null: whoever counts would take them for something else."""
    forged(file, {"output": {"probability": None, "decision": "bad"}}, "probability", value)
    with pytest.raises(Tampered, match="no number"):
        list(read_lines(file, written))


def test_a_text_that_is_none_is_told_as_any_other_forgery(file: Path) -> None:
    """Parquet keeps any bytes under the name of a text."""
    line = written(Prediction.of(row(1)).as_json())
    write_rows(file, [("a", [(line, Prediction.parse(line))])], written)
    table = parquet.read_table(file)
    bad = pa.array([b"\xff"], pa.binary()).view(pa.string())
    parquet.write_table(table.set_column(table.schema.get_field_index("arm"), schema().field("arm"), bad), file)
    with pytest.raises(Tampered, match="can't be read"):
        list(read_lines(file, written))


def test_a_file_of_nothing_proves_nothing(tmp_path: Path) -> None:
    """No rows of no segments hold against any key: it would stand in the place of a file that somebody emptied."""
    kept = CompactingHome(tmp_path / "home")
    kept.compact()
    (rows,) = kept.files()
    write_rows(rows, [], written)
    proof = CompactedPredictions.parse(proof_beside(rows).read_bytes())
    empty = {"segments": (), "rows": 0, "digest": digest_of(rows.read_bytes())}
    proof_beside(rows).write_bytes(proof.model_copy(update=empty).canonical())
    with pytest.raises(Tampered, match="no segment"):
        proven_rows(rows, kept.departments.ledger_keys)


def test_a_file_that_was_taken_away_is_written_again(tmp_path: Path) -> None:
    """Its proof alone would keep its rows out of every file for ever."""
    kept = CompactingHome(tmp_path / "home")
    kept.compact()
    (rows,) = kept.files()
    before = rows.read_bytes()
    rows.unlink()
    assert kept.compact().rows == 6
    assert rows.read_bytes() == before


@pytest.mark.parametrize("forged_part", ["rows", "root"])
def test_a_proof_of_something_else_keeps_no_segment_out_in_silence(tmp_path: Path, forged_part: str) -> None:
    """A file that was changed, and a planted proof for segments that are still to be sealed: the next run names it, and does not pass."""
    kept = CompactingHome(tmp_path / "home")
    kept.compact()
    (rows,) = kept.files()
    if forged_part == "rows":
        write_rows(rows, [], written)
    else:
        proof = CompactedPredictions.parse(proof_beside(rows).read_bytes())
        later = tuple(one.model_copy(update={"number": one.number + 2}) for one in proof.segments)
        planted = rows.with_name("000000003-000000004.parquet")
        planted.write_bytes(rows.read_bytes())
        proof_beside(planted).write_bytes(proof.model_copy(update={"segments": later, "file": planted.name}).canonical())
        kept.log.write([7, 8])
        kept.log.seal()
        kept.tell()
    with pytest.raises(Tampered, match="is not what was compacted"):
        kept.compact()
