"""Dagster's history, read into words of our own: runs, materializations, checks, and what somebody reported without a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import dagster as dg

from lifecycle.errors import Unavailable
from lifecycle.life.reconciling.runs_seen import CHECKS, LEDGER_INDEX, RESUMED, Checked, History, Materialized, Reported, RunSeen
from lifecycle.records.record import Microseconds

#: What Dagster files an event under that no run made.
RUNLESS = ""
DATA_VERSION = "dagster/data_version"
#: How many rows are asked for at once.
PAGE = 1_000

_REPORTED = {
    dg.DagsterEventType.ASSET_MATERIALIZATION: "materialization",
    dg.DagsterEventType.ASSET_OBSERVATION: "observation",
    dg.DagsterEventType.ASSET_CHECK_EVALUATION: "check",
    dg.DagsterEventType.ASSET_WIPED: "wipe",
}


def read_history(instance: dg.DagsterInstance, place: str) -> History:
    """All that an instance shows of the stages of models. Nothing of it is believed; `life.reconciliation` holds it against the ledger.

    Raises Unavailable where Dagster's storage can't be read.
    """
    try:
        return _read(instance, place)
    # Dagster lets through whatever its storage raises.
    except Exception as error:
        raise Unavailable(
            f"Dagster's history at {place} can't be read: {type(error).__name__}: {error}.",
            "Look at the home's storage/ and history/, or name another home with --dagster-home.",
        ) from error


def _read(instance: dg.DagsterInstance, place: str) -> History:
    keys = [key for key in instance.all_asset_keys() if len(key.path) == 2 and key.path[1] in CHECKS]
    return History(
        place=place,
        runs=tuple(_runs(instance)),
        materialized=tuple(shown for key in keys for shown in _materialized(instance, key) if shown.run_id != RUNLESS),
        checked=tuple(shown for key in keys for check in CHECKS[key.path[1]] for shown in _checked(instance, key, check)),
        reported=tuple(_reported(instance)),
    )


def _runs(instance: dg.DagsterInstance) -> Iterator[RunSeen]:
    def page(cursor: str | None) -> tuple[list[dg.RunRecord], str | None]:
        records = list(instance.get_run_records(limit=PAGE, cursor=cursor))
        return records, records[-1].dagster_run.run_id if len(records) == PAGE else None

    for record in _paged(page):
        run = record.dagster_run
        resumes = run.tags.get(RESUMED) == "true" and run.root_run_id is not None
        yield RunSeen(
            run_id=run.run_id,
            first_run_id=str(run.root_run_id) if resumes else run.run_id,
            job=run.job_name,
            succeeded=run.status == dg.DagsterRunStatus.SUCCESS,
            created_us=_us(record.create_timestamp),
        )


def _materialized(instance: dg.DagsterInstance, key: dg.AssetKey) -> Iterator[Materialized]:
    def page(cursor: str | None) -> tuple[list[dg.EventLogRecord], str | None]:
        found = instance.fetch_materializations(key, limit=PAGE, cursor=cursor)
        return list(found.records), found.cursor if found.has_more else None

    for record in _paged(page):
        shown = record.asset_materialization
        if shown is None:
            continue
        index = getattr(shown.metadata.get(LEDGER_INDEX), "value", None)
        yield Materialized(
            model=key.path[0],
            stage=key.path[1],
            run_id=record.run_id,
            at_us=int(record.timestamp * 1_000_000),
            data_version=(shown.tags or {}).get(DATA_VERSION),
            ledger_index=index if isinstance(index, int) else None,
        )


def _checked(instance: dg.DagsterInstance, key: dg.AssetKey, check: str) -> Iterator[Checked]:
    def page(cursor: str | None) -> tuple[list[Any], str | None]:
        before = None if cursor is None else int(cursor)
        records = list(
            instance.event_log_storage.get_asset_check_execution_history(dg.AssetCheckKey(key, check), limit=PAGE, cursor=before)
        )
        return records, str(records[-1].id) if len(records) == PAGE else None

    for record in _paged(page):
        evaluation = None if record.event is None else record.event.dagster_event
        # One that was only planned, by a run that ended before, says nothing.
        if record.run_id != RUNLESS and record.status.value in ("SUCCEEDED", "FAILED") and evaluation is not None:
            yield Checked(
                model=key.path[0],
                stage=key.path[1],
                check=check,
                run_id=record.run_id,
                at_us=int(record.create_timestamp * 1_000_000),
                passed=record.status.value == "SUCCEEDED",
            )


def _reported(instance: dg.DagsterInstance) -> Iterator[Reported]:
    for entry in instance.all_logs(RUNLESS, of_type=set(_REPORTED)):
        event = entry.dagster_event
        if event is None:
            continue
        key = event.asset_key or getattr(event.event_specific_data, "asset_key", None)
        kind: Any = _REPORTED[event.event_type]
        asset = "" if key is None else "/".join(key.path)
        yield Reported(kind=kind, asset=asset, at_us=int(entry.timestamp * 1_000_000))


def _paged(page: Callable[[str | None], tuple[list[Any], str | None]]) -> Iterator[Any]:
    cursor: str | None = None
    while True:
        found, cursor = page(cursor)
        yield from found
        if cursor is None:
            return


def _us(at: datetime) -> Microseconds:
    return int(at.timestamp() * 1_000_000)
