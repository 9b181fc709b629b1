"""Where a rollout on a target is told: a journal of its own first, and from there the ledger, for as long as that takes."""

from __future__ import annotations

from collections.abc import Callable

from lifecycle.records.bodies import Body
from lifecycle.records.bodies.serving import RolledBack
from lifecycle.records.events import Event, Link, Subject
from lifecycle.serving.allowed.used_decisions import UsedDecisions
from lifecycle.serving.rollouts.journal import Journal
from lifecycle.serving.rollouts.rollout_events import GATEWAY
from lifecycle.serving.targets.contract import TargetVersion


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
        links = [Link(role="model", digest=version.digest)]
        state = self._journal.state
        if isinstance(body, RolledBack):
            state = state.with_rolled_back(body)
            links = [Link(role="from", digest=body.from_digest)]
            links += [] if body.to_digest is None else [Link(role="to", digest=body.to_digest)]
        event = Event.happened(
            body,
            subject=Subject(kind="model", name=model, version=version.version, digest=version.digest),
            actor=GATEWAY,
            environment=self._environment,
            run_id=run_id,
            inputs=tuple(links),
            event_id=event_id,
        )
        self._journal.commit(state, [event])
        self._told.add(event_id)
        self._wake()
