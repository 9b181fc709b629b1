"""Where a version stands in every environment, by the records behind it alone."""

from __future__ import annotations

from collections.abc import Iterable

from lifecycle.records.events import Recorded
from lifecycle.records.states import State, after


def states_of(recorded: Iterable[Recorded], model: str, version: int) -> dict[str, State]:
    """The state of a version in each environment in which something happened to it. `recorded` in ledger order (`events_behind`)."""
    own = [one.event for one in recorded if one.event.subject.name == model]
    found: dict[str, State] = {}
    for environment in sorted({event.environment for event in own if event.subject.version == version}):
        state: State | None = None
        for event in own:
            state = after(state, version, event, environment)
        if state is not None:
            found[environment] = state
    return found
