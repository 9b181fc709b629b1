"""The rows of what was answered: each in the log of the model that answered, and as surely kept as that was declared."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from lifecycle.records.rollout import LogGrade
from lifecycle.serving.answering.counters import Counters
from lifecycle.serving.answering.named import ServedName
from lifecycle.serving.answering.outcome import Entry, Inquiry, Outcome, entry_of
from lifecycle.serving.answering.routes import RouteTable
from lifecycle.serving.prediction_log.backlog import Backlog
from lifecycle.serving.prediction_log.writing import PredictionWriter


class AnswerLog:
    """One worker's, over all of its models."""

    def __init__(
        self, names: Mapping[str, ServedName], table: RouteTable, counters: Counters, writer: PredictionWriter, backlog: Backlog
    ) -> None:
        self._names = names
        self._table = table
        self._counters = counters
        self._writer = writer
        self._backlog = backlog

    def keep(self, inquiry: Inquiry, outcome: Outcome) -> list[str] | Coroutine[Any, Any, list[str]]:
        """Has the rows of a request kept. Gives their ids, or, where they must be on the disk first, what waits for that and gives them.

        Raises Unavailable, as what waits does, where they can't be kept: then nobody may be told.
        """
        log, epoch = self._place(outcome.other_model) if outcome.other_model else (inquiry.name, inquiry.route.epoch)
        entry = entry_of(inquiry, outcome, log, epoch, inquiry.took_us())
        grade = _grade(inquiry, outcome)
        if grade == "audit":
            return self._once_durable(inquiry, entry)
        self._put(entry, grade)
        return entry.ids

    def keep_copy(self, inquiry: Inquiry, outcome: Outcome, latency_us: int, shadow_of: Sequence[str]) -> None:
        """Has kept what a shadow said of a request whose rows have these ids. Nobody was told anything on its account, so nobody waits
        for the disk. Raises Unavailable where they can't be kept.
        """
        entry = entry_of(inquiry, outcome, inquiry.name, inquiry.route.epoch, latency_us, shadow_of)
        self._put(entry, _grade(inquiry, outcome))

    def _put(self, entry: Entry, grade: LogGrade | None) -> None:
        log, ids, rows, asked = entry
        if grade == "best_effort":
            self._backlog.offer(log.name, log.slot, rows, asked)
        else:
            self._writer.append(log.name, rows, asked)
            self._counters.logged(log.slot, len(ids))

    async def _once_durable(self, inquiry: Inquiry, entry: Entry) -> list[str]:
        log, ids, rows, asked = entry
        waits_for = inquiry.name.slot
        self._counters.entered(waits_for)
        try:
            await self._writer.append_durably(log.name, rows, asked)
        finally:
            self._counters.left(waits_for)
        self._counters.logged(log.slot, len(ids))
        return ids

    def _place(self, other_model: str) -> tuple[ServedName, int]:
        """In whose log a request is told that another model answered, and under which epoch."""
        log = self._names[other_model]
        return log, self._table.read(log.slot).epoch


def _grade(inquiry: Inquiry, outcome: Outcome) -> LogGrade | None:
    """How surely a row is kept: as whoever answered was declared, else as the model's champion is, or its canary."""
    name, route = inquiry.name, inquiry.route
    by = outcome.by or name.loaded.get(route.champion) or name.links.get(route.canary)
    return None if by is None else by.allowance.log_grade
