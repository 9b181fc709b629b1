"""Whether an event may happen now: the state of every version that it names must permit it.

The ledger only grows, so an event that can't have happened would stay in it for ever, and break every fold after it. The
states are a projection of the leaves that is kept up with every append, so that no append reads the past again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol

from lifecycle.errors import IllegalTransition
from lifecycle.records.bodies.keeping import BodiesPruned
from lifecycle.records.events import Event
from lifecycle.records.states import EVERYWHERE, SILENT, State, after, touched

#: No environment goes by this name: here only what counts everywhere has happened. A version that nothing else happened to in an
#: environment is there in the state that it is in here.
NOWHERE = ""


class Standing(NamedTuple):
    """The state of a version in an environment, and the record that led to it."""

    state: State
    leaf_index: int


class Place(NamedTuple):
    """A version in an environment, or NOWHERE."""

    model: str
    version: int
    environment: str


class KeptStates(Protocol):
    """Where states are kept between two transactions."""

    def states_of(self, model: str, version: int, /) -> Mapping[str, Standing]:
        """What one version is, by environment."""
        ...

    def serving(self, model: str, environment: str, /) -> Collection[int]:
        """The versions of a model that serve."""
        ...


class NothingKept:
    """For a fold from the first event on."""

    def states_of(self, model: str, version: int, /) -> Mapping[str, Standing]:
        return {}

    def serving(self, model: str, environment: str, /) -> Collection[int]:
        return ()


class Legality:
    """The states that were asked for, kept up with what happens; `moved` is what changed since they were kept."""

    def __init__(self, kept: KeptStates, closed: Mapping[tuple[str, int], int] | None = None) -> None:
        """`closed` are (model, version)s and the record up to which their past may have been pruned: that moves them by `recall` only."""
        self._kept = kept
        self._closed = closed or {}
        self._known: dict[tuple[str, int], dict[str, Standing]] = {}
        self.moved: dict[Place, Standing] = {}

    def require(self, index: int, event: Event) -> None:
        """Takes the event of this index in. Raises IllegalTransition, and stays as it is, where it can't happen to a version it names."""
        if isinstance(event.body, BodiesPruned):
            self._close(index, event.body)
        versions = () if event.type in SILENT else touched(event)
        if not versions:
            return
        if event.type == "RolloutCompleted":
            versions = (*versions, *self._may_serve(event.subject.name, event.environment))
        followed = [version for version in dict.fromkeys(versions) if index > self._closed.get((event.subject.name, version), -1)]
        self._move({place: standing for version in followed for place, standing in self._moves(index, event, version)})

    def recall(self, index: int, happened: str, place: Place) -> None:
        """Takes in what the columns of a record say, where its version is closed: its bytes may be gone, or those before it."""
        if happened == "VersionRetired" and index < self._closed.get(place[:2], -1):
            self._move({place: Standing("retired", index)})

    def written(self) -> None:
        """What moved is kept now."""
        self.moved.clear()

    def _close(self, index: int, body: BodiesPruned) -> None:
        """A version whose past was pruned is retired in every environment, one that is yet to come included: nothing follows from it.

        Raises IllegalTransition where one is not retired in each that knows it.
        """
        for closed in body.closed_versions:
            standings = self._standings(closed.model, closed.version)
            states = {environment: standing.state for environment, standing in standings.items() if environment != NOWHERE}
            if not states or any(state != "retired" for state in states.values()):
                told = ", ".join(f"{state} in {environment}" for environment, state in states.items() if state != "retired")
                raise IllegalTransition(
                    f"{closed.model}:{closed.version} is {told or 'retired nowhere'}, so its past can't be pruned.",
                    "Retire it first: `lifecycle retire`; it goes once its retention has passed.",
                )
        for closed in body.closed_versions:
            standings = self._standings(closed.model, closed.version)
            for environment in (NOWHERE, *standings):
                standings[environment] = self.moved[Place(closed.model, closed.version, environment)] = Standing("retired", index)

    def _move(self, moved: Mapping[Place, Standing]) -> None:
        for place, standing in moved.items():
            self._standings(place.model, place.version)[place.environment] = standing
        self.moved |= moved

    def _moves(self, index: int, event: Event, version: int) -> list[tuple[Place, Standing]]:
        name, moves = event.subject.name, []
        standings = self._standings(name, version)
        for environment in (NOWHERE, *standings) if event.type in EVERYWHERE else (event.environment,):
            standing = standings.get(environment) or standings.get(NOWHERE)
            before = None if standing is None else standing.state
            following = after(before, version, event, environment or event.environment)
            if following is not None and following != before:
                moves.append((Place(name, version, environment), Standing(following, index)))
        return moves

    def _standings(self, model: str, version: int) -> dict[str, Standing]:
        if (model, version) not in self._known:
            self._known[model, version] = dict(self._kept.states_of(model, version))
        return self._known[model, version]

    def _may_serve(self, model: str, environment: str) -> set[int]:
        """The versions that serve, and perhaps others, which a rollout that completed does not touch."""
        return {*self._kept.serving(model, environment), *(version for name, version in self._known if name == model)}
