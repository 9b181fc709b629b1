"""The decisions of a recall as a table, for whoever has to tell people: CSV to be read, or Parquet to be worked with."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from lifecycle.life.recall import Recalled
from lifecycle.records.recall import DifferingDecision, RecallList
from lifecycle.records.record import Microseconds

#: In this order. `request_id` and `subject` are what callers sent, and personal; empty where they were erased.
COLUMNS = (
    "prediction_id",
    "at",
    "arm",
    "finding",
    "told_decision",
    "told_probability",
    "now_decision",
    "now_probability",
    "request_id",
    "subject",
)
#: The same of a list that names nobody.
LISTED = ("prediction_id", "at", "told_decision", "told_probability", "now_decision", "now_probability")
#: A cell that begins with one of these is a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_rows(decisions: Sequence[Recalled]) -> list[dict[str, Any]]:
    """One mapping per decision, by `COLUMNS`."""
    return [_row(one) for one in decisions]


def as_csv(decisions: Sequence[Recalled]) -> bytes:
    """UTF-8 with a heading. Text that a spreadsheet would compute has an apostrophe before it."""
    return _csv(COLUMNS, as_rows(decisions))


def listed_as_csv(listed: RecallList) -> bytes:
    """Those that differ, by `LISTED`: nothing in it is personal."""
    return _csv(LISTED, map(_listed, listed.differing))


def as_parquet(decisions: Sequence[Recalled]) -> bytes:
    """The same columns with their types, also where there are no rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    numbers = ("told_probability", "now_probability")
    schema = pa.schema([(name, pa.float64() if name in numbers else pa.string()) for name in COLUMNS])
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(as_rows(decisions), schema=schema), sink)
    return sink.getvalue()


def _row(recalled: Recalled) -> dict[str, Any]:
    told, now = recalled.told, recalled.now
    row, asked = told.row, told.asked or {}
    return {
        "prediction_id": row.id,
        "at": _moment(row.at_us),
        "arm": row.arm,
        "finding": recalled.finding,
        "told_decision": None if row.output is None else row.output.decision,
        "told_probability": None if row.output is None else row.output.probability,
        "now_decision": None if now is None else now.decision,
        "now_probability": None if now is None else now.probability,
        "request_id": asked.get("request_id"),
        "subject": asked.get("subject"),
    }


def _listed(one: DifferingDecision) -> dict[str, Any]:
    return {
        "prediction_id": one.prediction_id,
        "at": _moment(one.at_us),
        "told_decision": one.told.decision,
        "told_probability": one.told.probability,
        "now_decision": one.now.decision,
        "now_probability": one.now.probability,
    }


def _moment(at_us: Microseconds) -> str:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).isoformat(timespec="milliseconds")


def _csv(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _inert(value) for name, value in row.items()} for row in rows)
    return text.getvalue().encode()


def _inert(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
