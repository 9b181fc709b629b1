"""Where a rollout on a target is told: a journal of its own first, and from there the ledger, for as long as that takes."""

from __future__ import annotations

from collections.abc import Callable

from lifecycle.records.bodies import Body
from lifecycle.records.bodies.serving import RolledBack
from lifecycle.serving.allowed.used_decisions import UsedDecisions
from lifecycle.serving.rollouts.journal import Journal
from lifecycle.serving.rollouts.rollout_events import about
from lifecycle.serving.targets.contract import TargetVersion
from lifecycle.serving.targets.register import served


class JournalRecords:
    """Tells each event once, by its id, however often a rollout is driven again. See `hand.Records`."""

    def __init__(self, journal: Journal, told: UsedDecisions, environment: str, wake: Callable[[], None] = lambda: None) -> None:
        """`wake` is called with every event that waits for the ledger."""
        self._journal = journal
        self._told = told
        self._environment = environment
        self._wake = wake

    def tell(self, event_id: str, model: str, version: TargetVersion, run_id: str | None, body: Body) -> None:
        if event_id in self._told:
            return
        state = self._journal.state
        if isinstance(body, RolledBack):
            state = state.with_rolled_back(body)
        event = about(body, model=model, version=served(version), environment=self._environment, run_id=run_id, event_id=event_id)
        self._journal.commit(state, [event])
        self._told.add(event_id)
        self._wake()
