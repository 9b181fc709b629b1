"""Rows of the prediction log as Parquet, one column for each field, and back to the very bytes that were sealed.

A row is not kept twice: its line is made again from its columns. Only a line that was written in an earlier form lies there as it was,
in `as_written`, and has to say the same as its columns.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecycle.errors import Tampered
from lifecycle.records.prediction import Prediction

if TYPE_CHECKING:
    import pyarrow as pa

#: How a line is written of its value: `serving.prediction_log.lines.line_of`, without the line feed.
Written = Callable[[Mapping[str, Any]], bytes]

#: Beside the fields of a row: the segment that it is of, and its line where that is not what its columns make.
SEGMENT, AS_WRITTEN = "segment", "as_written"
#: The fields in the order in which a line has them; `output` stands in two columns.
_ORDER = (
    *("schema_version", "id", "at_us", "model", "version", "model_digest", "decision_id", "bundle_digest", "arm", "epoch", "latency_us"),
    *("outcome", "output", "fallback_from", "asked_model", "cached", "shadow_of", "input_commitment"),
)
#: What a line has only where it says something.
_LEFT_OUT = frozenset({"asked_model", "cached", "shadow_of"})
_NUMBERS = frozenset({"at_us", "version", "epoch", "latency_us", "fallback_from"})


def schema() -> pa.Schema:
    """The columns: texts and whole numbers as they are, a probability as a double."""
    import pyarrow as pa

    def kind(name: str) -> pa.DataType:
        if name in _NUMBERS:
            return pa.int64()
        return pa.bool_() if name == "cached" else pa.string()

    output = [pa.field("probability", pa.float64()), pa.field("decision", pa.string())]
    fields = [pa.field(SEGMENT, pa.string())]
    for name in _ORDER:
        fields += output if name == "output" else [pa.field(name, kind(name))]
    return pa.schema([*fields, pa.field(AS_WRITTEN, pa.binary())])


def write_rows(file: Path, segments: Iterable[tuple[str, Iterable[tuple[bytes, Prediction]]]], written: Written) -> int:
    """Writes the rows of segments, each with its line, one row group for each segment; returns how many. Raises OSError."""
    import pyarrow as pa
    from pyarrow import parquet

    rows = 0
    with parquet.ParquetWriter(file, schema(), compression="zstd", version="2.6") as writer:
        for segment, lines in segments:
            found = [_columns(segment, line, row, written) for line, row in lines]
            writer.write_table(pa.Table.from_pylist(found, schema=schema()))
            rows += len(found)
    return rows


def read_lines(file: Path, written: Written) -> Iterator[tuple[str, bytes]]:
    """Segment and line of each row, as it was sealed, in the order of the file.

    Raises Tampered for what is no such file, and for a row whose columns say something else than its line.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(file) as opened:
            if opened.schema_arrow != schema():
                raise Tampered(f"{file} has other columns than rows of predictions have.", "Compact those segments again.")
            for batch in opened.iter_batches():
                for columns in batch.to_pylist():
                    yield columns[SEGMENT], _line(file, columns, written)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise Tampered(f"{file} can't be read as Parquet: {error}.", "Compact those segments again.") from error


def _columns(segment: str, line: bytes, row: Prediction, written: Written) -> dict[str, Any]:
    said = row.as_json()
    output = said.pop("output")
    columns: dict[str, Any] = {SEGMENT: segment, **said, "probability": None, "decision": None}
    if isinstance(output, dict):
        columns |= output
    columns[AS_WRITTEN] = None if _made(columns, written) == line else line
    return columns


def _line(file: Path, columns: dict[str, Any], written: Written) -> bytes:
    probability = columns["probability"]
    if probability is not None and not math.isfinite(probability):
        # JSON has none of these, and would say nothing instead.
        raise Tampered(f"A row of {file} has a probability that is no number.", "Compact those segments again.")
    made = _made(columns, written)
    stored = columns[AS_WRITTEN]
    if stored is None:
        return made
    try:
        says_the_same = json.loads(stored) == json.loads(made)
    except ValueError:
        says_the_same = False
    if not says_the_same:
        raise Tampered(f"A row of {file} says in its columns what its line does not.", "Compact those segments again.")
    return bytes(stored)


def _made(columns: Mapping[str, Any], written: Written) -> bytes:
    row: dict[str, Any] = {}
    for name in _ORDER:
        if name == "output":
            output = {part: columns[part] for part in ("probability", "decision")}
            row[name] = None if set(output.values()) == {None} else output
        elif name not in _LEFT_OUT or columns.get(name) is not None:
            row[name] = columns.get(name)
    return written(row)
