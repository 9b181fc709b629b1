"""Joins the labels that callers send with a rollout's answers, beside the traffic: for the guardrails that wait for what was true."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lifecycle.errors import LifecycleError, Tampered
from lifecycle.records.identity import now_us
from lifecycle.records.prediction import Prediction
from lifecycle.records.record import Microseconds, Version
from lifecycle.records.rollout import Arm, RolloutPlan
from lifecycle.serving.prediction_log.following import FollowedLog
from lifecycle.serving.prediction_log.segments import ModelLog
from lifecycle.serving.rollouts.books import Books
from lifecycle.serving.rollouts.looking import Progress
from lifecycle.serving.rollouts.outcomes import Answered, OutcomeBook
from lifecycle.serving.rollouts.rails import rails_of
from lifecycle.serving.rollouts.seen import Labels

#: By rail and stage.
LabelCounts = Sequence[Sequence[Labels]]

_LOG = logging.getLogger(__name__)
#: How often what was added to the log is read.
LOOK_SECONDS = 0.5


def waits_for_labels(plan: RolloutPlan) -> bool:
    """Whether a guardrail of this plan looks at labels."""
    return any(guardrail.on_labels for guardrail in plan.guardrails)


@dataclass(frozen=True, slots=True)
class Arms:
    """Whose answers a rollout compares, and what the rows of the canary's call its arm."""

    canary: Version
    champion: Version | None
    canary_arm: Arm = "canary"

    def by_canary(self, row: Prediction) -> bool | None:
        """Whether the canary gave this answer; None where neither of the two did, or in the place of another version."""
        # What the champion answered in the canary's place was never assigned to it.
        if row.outcome != "answered" or row.output is None or row.fallback_from is not None:
            return None
        if row.arm == self.canary_arm and row.version == self.canary:
            return True
        return False if row.arm == "champion" and row.version == self.champion else None


class LabelWatch:
    """One rollout's. Its answers are read from the logs from the rollout's begin on, also after a restart of whoever watches."""

    def __init__(self, logs: Callable[[], Iterable[ModelLog]], arms: Arms, plan: RolloutPlan, since_us: Microseconds) -> None:
        """`logs` are the logs of the model, one for each gateway; they are asked for at every look, because gateways come and go."""
        self._logs = logs
        self._arms = arms
        self._since_us = since_us
        self._followed: dict[ModelLog, FollowedLog] = {}
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
        followed = [self._followed.setdefault(log, FollowedLog(log, self._since_us)) for log in self._logs()]
        # Labels first, of all: the answers that they are of are then in the logs already.
        labels = [sent for one in followed for sent in one.labels()]
        for row, asked in (row for one in followed for row in one.rows()):
            by_canary = self._arms.by_canary(row)
            if by_canary is not None:
                self._take(row, by_canary, asked)
        for sent in labels:
            self._book.labelled(sent.prediction_id, sent.label, sent.asked_by)

    def _take(self, row: Prediction, by_canary: bool, asked: dict[str, object]) -> None:
        assert row.output is not None  # `by_canary` says of no other row whose it is
        values = asked.get("values")
        groups = {column: str(values[column]) for column in self._book.columns if column in values} if isinstance(values, dict) else {}
        subject, principal = (str(asked.get(name) or "") for name in ("subject", "principal"))
        self._book.answered(row.id, Answered(row.at_us, by_canary, row.output.decision, groups, subject, principal))


async def known_labels(look: Callable[[], LabelCounts]) -> tuple[LabelCounts, str]:
    """What labels say, and why that is not known; "" where it is. Reads in a thread, and raises nothing."""
    try:
        return await asyncio.to_thread(look), ""
    except LifecycleError as error:
        return (), error.what
    except Exception as error:  # noqa: BLE001  # whatever breaks here, a rollout must not go on as if its labels were well
        return (), f"reading the prediction log broke: {type(error).__name__}"


async def follow_labels(books: Books, rollout_id: str, progress: Progress, predictions: Path) -> None:
    """Keeps a rollout's labels up to date until it ends. Where they can't be read, the rollout goes no further, and says why."""
    state = books.rolling(rollout_id)
    if state is None or state.rollout is None:
        return
    log = ModelLog(predictions / state.model)
    arms = Arms(state.rollout.canary.version, None if state.champion is None else state.champion.version)
    watch = LabelWatch(lambda: (log,), arms, progress.plan, state.rollout.started_at_us)
    while (state := books.rolling(rollout_id)) is not None and state.rollout is not None:
        starts = [stage.began_at_us or 0 for stage in state.rollout.stages]
        labels, why = await known_labels(partial(watch.look, starts, now_us())) if starts else ((), "")
        progress.labels = labels or progress.labels
        if why and why != progress.blind:
            _LOG.error("the labels of %s can't be followed: %s", state.model, why)
        progress.blind = why
        await asyncio.sleep(LOOK_SECONDS)
