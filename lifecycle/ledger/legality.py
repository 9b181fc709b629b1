"""Whether an event may happen now: the state of every version that it names must permit it.

The ledger only grows, so an event that can't have happened would stay in it for ever, and break every fold after it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Unpack

from lifecycle.ledger.recorded import Wanted
from lifecycle.records.events import Event, Recorded
from lifecycle.records.states import Fold, State, after, touched

#: Events about one version that move another one of its model.
_MOVE_OTHERS = ("RolloutCompleted", "RolledBack")


class Legality:
    """The states that one transaction has looked at, kept up with what it appends."""

    def __init__(self, read: Callable[[Unpack[Wanted]], list[Recorded]]) -> None:
        self._read = read
        self._folds: dict[tuple[str, str], Fold] = {}
        #: Accepted in this transaction, and not in its tables yet.
        self._accepted: list[Event] = []

    def require(self, event: Event) -> None:
        """Raises IllegalTransition where the event can't happen to a version that it names."""
        versions = touched(event)
        if not versions:
            return
        name, environment = event.subject.name, event.environment
        here = self._folds.setdefault((name, environment), Fold(environment))
        for version in versions:
            if (name, version) not in here.states:
                state = self._state(name, version, environment)
                if state is not None:
                    here.states[name, version] = state
        here.apply(event)
        self._accepted.append(event)
        for folded in self._folds.values():
            if folded is not here and all((name, version) in folded.states for version in versions):
                folded.apply(event)

    def written(self) -> None:
        """What was accepted stands in the tables now."""
        self._accepted.clear()

    def _state(self, name: str, version: int, environment: str) -> State | None:
        own = self._read(kind="model", name=name, version=version)
        others = self._read(kind="model", name=name, types=_MOVE_OTHERS, environment=environment)
        stored = sorted({r.index: r for r in (*own, *others)}.values(), key=lambda r: r.index)
        state: State | None = None
        for event in (*(recorded.event for recorded in stored), *self._accepted):
            if event.subject.name == name:
                state = after(state, version, event, environment)
        return state
