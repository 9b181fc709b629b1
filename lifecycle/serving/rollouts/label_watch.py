"""Joins the labels that callers send with a rollout's answers, beside the traffic: for the guardrails that wait for what was true."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from lifecycle.errors import LifecycleError, Tampered
from lifecycle.records.identity import now_us
from lifecycle.records.prediction import Prediction
from lifecycle.records.record import Microseconds
from lifecycle.records.rollout import RolloutPlan
from lifecycle.serving.prediction_log.following import FollowedLog
from lifecycle.serving.prediction_log.segments import ModelLog
from lifecycle.serving.rollouts.books import Books
from lifecycle.serving.rollouts.looking import Progress
from lifecycle.serving.rollouts.outcomes import Answered, OutcomeBook
from lifecycle.serving.rollouts.rails import rails_of
from lifecycle.serving.rollouts.seen import Labels
from lifecycle.serving.rollouts.state import ModelState

_LOG = logging.getLogger(__name__)
#: How often what was added to the log is read.
LOOK_SECONDS = 0.5


def waits_for_labels(plan: RolloutPlan) -> bool:
    """Whether a guardrail of this plan looks at labels."""
    return any(guardrail.on_labels for guardrail in plan.guardrails)


class LabelWatch:
    """One rollout's. Its answers are read from the log from the rollout's begin on, also after a restart of the gateway."""

    def __init__(self, predictions: Path, state: ModelState, plan: RolloutPlan) -> None:
        rollout = state.rollout
        assert rollout is not None  # callers watch models with a rollout only
        self._canary = rollout.canary.version
        self._champion = None if state.champion is None else state.champion.version
        self._log = FollowedLog(ModelLog(predictions / state.model), rollout.started_at_us)
        self._book = OutcomeBook(rails_of(plan))
        self._broken: Tampered | None = None

    def look(self, stage_starts_us: Sequence[Microseconds], at_us: Microseconds) -> tuple[tuple[Labels, ...], ...]:
        """What both arms' labels say by now, by rail and stage.

        Raises Tampered for a line that is none of the prediction log's, and from then on: what came beside it is not known any more.
        """
        if self._broken is not None:
            raise self._broken
        try:
            self._read_on()
        except Tampered as error:
            self._broken = error
            raise
        return self._book.counts(stage_starts_us, at_us)

    def _read_on(self) -> None:
        # Labels first: the answers that they are of are then in the log already.
        labels = list(self._log.labels())
        for row, asked in self._log.rows():
            by_canary = row.arm == "canary" and row.version == self._canary
            if by_canary or (row.arm == "champion" and row.version == self._champion):
                self._take(row, by_canary, asked)
        for sent in labels:
            self._book.labelled(sent.prediction_id, sent.label, sent.asked_by)

    def _take(self, row: Prediction, by_canary: bool, asked: dict[str, object]) -> None:
        # What the champion answered in the canary's place was never assigned to it.
        if row.outcome != "answered" or row.output is None or row.fallback_from is not None:
            return
        values = asked.get("values")
        groups = {column: str(values[column]) for column in self._book.columns if column in values} if isinstance(values, dict) else {}
        subject, principal = (str(asked.get(name) or "") for name in ("subject", "principal"))
        self._book.answered(row.id, Answered(row.at_us, by_canary, row.output.decision, groups, subject, principal))


async def follow_labels(books: Books, rollout_id: str, progress: Progress, predictions: Path) -> None:
    """Keeps a rollout's labels up to date until it ends. Where they can't be read, the rollout goes no further, and says why."""
    state = books.rolling(rollout_id)
    if state is None:
        return
    watch = LabelWatch(predictions, state, progress.plan)
    while (state := books.rolling(rollout_id)) is not None and state.rollout is not None:
        starts = [stage.began_at_us or 0 for stage in state.rollout.stages]
        try:
            if starts:
                progress.labels = await asyncio.to_thread(watch.look, starts, now_us())
            why = ""
        except LifecycleError as error:
            why = error.what
        except Exception as error:  # noqa: BLE001  # whatever breaks here, a rollout must not go on as if its labels were well
            why = f"reading the prediction log broke: {type(error).__name__}"
        if why and why != progress.blind:
            _LOG.error("the labels of %s can't be followed: %s", state.model, why)
        progress.blind = why
        await asyncio.sleep(LOOK_SECONDS)
