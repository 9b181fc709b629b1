"""Whether the prediction log has what the gateway's workers counted: the log's rows on one side, their counters on the other."""

from __future__ import annotations

from dataclasses import dataclass

from lifecycle.records.record import Id, Name
from lifecycle.serving.answering.counters import Counters
from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.prediction_log.segment_reading import whole_lines
from lifecycle.serving.prediction_log.segments import ModelLog, model_logs
from lifecycle.serving.rollouts.journal import replay


@dataclass(frozen=True)
class LoggedRows:
    """One model's rows. Sealed are those that the journal has told the ledger of, or will, in `segments` segments of `stream`;
    `lying` are those of them that lie in the log now.
    """

    model: Name
    stream: Id | None
    segments: int
    sealed: int
    lying: int
    #: In segments that are over and not sealed yet, and in those that are still written.
    waiting: int
    open: int
    #: What the workers counted once a row was in the log.
    counted: int

    @property
    def logged(self) -> int:
        """All rows that lie in the log, sealed or not."""
        return self.lying + self.waiting + self.open

    @property
    def missing(self) -> int:
        """Rows that were counted and are not in the log: a contradiction, because a row is counted once it is there."""
        return max(0, self.sealed - self.lying, self.counted - self.logged)

    @property
    def surplus(self) -> int:
        """Rows that nobody counted: of a worker that was killed between the two, of while this was looked at, of a log from elsewhere."""
        return max(0, self.logged - self.counted)


def logged_rows(folder: GatewayFolder) -> tuple[LoggedRows, ...]:
    """Every model's rows, held against its counters; while the gateway runs, too.

    The counters are read before the log, so that rows that come meanwhile are never taken for missing. Raises Tampered and
    Unavailable where the journal, the counters or the log can't be read.
    """
    mapped = Counters.of_all(folder)
    state, _, _ = replay(folder.journal)
    counted = {model.model: sum(counters.rows_logged(model.slot) for counters in mapped) for model in state.models}
    found = []
    # Also those whose part of the log is gone.
    models = sorted({log.model for log in model_logs(folder.predictions)} | counted.keys())
    for log in (ModelLog(folder.predictions / model) for model in models):
        stream = state.stream(log.model)
        number = 0 if stream is None else stream.number
        sealed = {seal.segment for seal in log.seals() if seal.number <= number}
        rows_by = {True: 0, False: 0}
        for segment in log.segments() - sealed:
            rows_by[log.is_written(segment)] += _rows(log, segment)
        lying = sum(_rows(log, segment) for segment in sealed)
        found.append(
            LoggedRows(
                model=log.model,
                stream=None if stream is None else stream.stream,
                segments=number,
                sealed=0 if stream is None else stream.rows,
                lying=lying,
                waiting=rows_by[False],
                open=rows_by[True],
                counted=counted.get(log.model, 0),
            )
        )
    return tuple(found)


def _rows(log: ModelLog, segment: str) -> int:
    try:
        return sum(1 for _ in whole_lines(log.rows(segment)))
    except FileNotFoundError:
        # It held nothing, and the gateway has taken it away.
        return 0
