"""When a version is over: retired in every environment in which anything moved it, and for how long."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle.records.bodies import BODIES
from lifecycle.records.bodies.serving import RolloutCompleted
from lifecycle.records.events import Event
from lifecycle.records.record import Microseconds
from lifecycle.records.states import EVERYWHERE, SILENT, touched

#: Of the records of a version that is over these stay for good: two can tell of other versions as well, and one is its end.
KEPT_FOR_GOOD = frozenset({"RolloutCompleted", "RolledBack", "VersionRetired"})
#: The types of records that can move a version in the environment that they name.
MOVING = frozenset(BODIES) - SILENT - EVERYWHERE


class VersionEnd:
    """Fed with what moved one version, in ledger order."""

    def __init__(self) -> None:
        #: By environment: when it was retired there, None where something else was the last that moved it.
        self._retired_at: dict[str, Microseconds | None] = {}

    def take(self, happened: str, environment: str, at_us: Microseconds) -> None:
        """Takes a record of the version in, by its type."""
        if happened in MOVING:
            self._retired_at[environment] = at_us if happened == "VersionRetired" else None

    @property
    def living(self) -> list[str]:
        """The environments in which it is not retired."""
        return [environment for environment, at_us in self._retired_at.items() if at_us is None]

    def is_over(self, before_us: Microseconds) -> bool:
        """Whether it was retired everywhere before a moment."""
        return bool(self._retired_at) and all(at_us is not None and at_us < before_us for at_us in self._retired_at.values())


def moved_by(event: Event) -> Iterator[tuple[str, int]]:
    """The (model, version)s that an event moves, or may move."""
    others = (event.body.superseded_version,) if isinstance(event.body, RolloutCompleted) else ()
    for number in dict.fromkeys((*touched(event), *others)):
        if number is not None:
            yield event.subject.name, number
