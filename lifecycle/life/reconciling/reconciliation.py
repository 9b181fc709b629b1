"""Reconciliation: the ledger, Dagster's history and the gateway's counters held against each other.

No log proves that nothing was left out. Three accounts of one life, kept in three places, narrow it: whoever leaves something out of
one of them has to leave it out of the others, too.
"""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle.life.checking.own_ledger import ledger_is_here
from lifecycle.life.reconciling.reconciled import Contradiction, Reconciliation, Told
from lifecycle.life.reconciling.reconciling_rows import Logged, RowReconciliation
from lifecycle.life.reconciling.reconciling_runs import RunReconciliation
from lifecycle.life.reconciling.runs_seen import History
from lifecycle.lineage.selection import every_event
from lifecycle.records.bodies.keeping import BodiesPruned, LeafRange
from lifecycle.records.events import Recorded
from lifecycle.wiring import Departments


def reconcile(departments: Departments, history: History | None) -> Reconciliation:
    """Holds the ledger against a history of Dagster's (None where there is none here) and against this home's gateways.

    The accounts are read before the ledger, so that what happens meanwhile is never taken for something that the ledger lacks.
    Raises Unavailable where one of them can't be read, and Tampered where a record was altered.
    """
    logged = _logged_rows(departments)
    ledger = departments.ledger
    rows, streams = RowReconciliation(all_here=ledger_is_here(departments)), _Streams()
    size = ledger.head().size
    runs = RunReconciliation(history, size, (model.name for model in departments.models)) if history is not None else None
    for recorded in every_event(ledger):
        rows.look_at(recorded)
        streams.look_at(recorded)
        if runs is not None:
            runs.look_at(recorded)
    contradictions = [*streams.contradictions(), *rows.contradictions(logged)]
    told = list(rows.told(logged))
    if runs is None:
        told.append(Told("dagster", "Dagster has no history in this home, so that nothing was held against it"))
    else:
        contradictions += runs.contradictions()
        told += runs.told()
    looked_at = {
        "streams": len(streams),
        "segments": rows.segments,
        "logged_rows": sum(one.logged for one in logged),
        "runs": 0 if history is None else len(history.runs),
        "materializations": 0 if history is None else len(history.materialized),
        "checks": 0 if history is None else len(history.checked),
    }
    return Reconciliation(size, looked_at, tuple(contradictions), tuple(told))


def _logged_rows(departments: Departments) -> tuple[Logged, ...]:
    from lifecycle.serving.access.logged_refusals import logged_refusals
    from lifecycle.serving.prediction_log.reconciling import logged_rows

    folders = [folder for folder in departments.gateway_folders if folder.path.is_dir()]
    return tuple(rows for folder in folders for rows in (*logged_rows(folder), *logged_refusals(folder)))


class _Streams:
    """The places that the ledger gave to events on each subject: from 1, and without a gap that no pruning explains.

    A gap is explained by as many pruned records between its ends; which subject those were on their columns say, which verification holds.
    """

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, int]] = {}
        self._gaps: list[tuple[str, tuple[int, int], tuple[int, int]]] = []
        self._pruned: list[LeafRange] = []

    def __len__(self) -> int:
        return len(self._last)

    def look_at(self, recorded: Recorded) -> None:
        event = recorded.event
        if isinstance(event.body, BodiesPruned):
            self._pruned += event.body.ranges
        if event.sequence is None:
            # Written before events had a place in their stream.
            return
        place = (recorded.index, event.sequence)
        before = self._last.get(event.stream)
        if before is not None and event.sequence != before[1] + 1:
            self._gaps.append((event.stream, before, place))
        self._last[event.stream] = place

    def contradictions(self) -> Iterator[Contradiction]:
        for stream, (before, last), (index, sequence) in self._gaps:
            between = sum(max(0, min(pruned.end, index) - max(pruned.start, before + 1)) for pruned in self._pruned)
            if between < sequence - last - 1:
                what = f"the stream {stream} goes from place {last} (record {before}) to place {sequence} (record {index})"
                yield Contradiction("ledger", "gap", what, index=index)
