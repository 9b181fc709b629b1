"""What the ledger says of one prediction's model, to be looked up edge by edge; every look-up that fails says what is not there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from lifecycle.errors import LifecycleError, UnknownName
from lifecycle.lineage.ports import Ledger
from lifecycle.lineage.reading import short
from lifecycle.records.bodies import Body
from lifecycle.records.events import Event
from lifecycle.records.record import Digest, Name

SomeBody = TypeVar("SomeBody", bound=Body)

#: The events that a chain is made of, by the subject's name: what the prediction log and monitoring add by the minute is left out.
ABOUT_MODEL = (
    "DatasetIngested",
    "TrainingStarted",
    "ModelTrained",
    "ModelEvaluated",
    "DecisionMade",
    "ApprovalGiven",
    "ApprovalRevoked",
    "RolloutRequested",
    "RolloutStepReached",
    "RolloutCompleted",
    "RolledBack",
    "VersionRevoked",
)
#: Those on people and on the ledger itself.
ABOUT_OTHERS = ("PersonEnrolled", "KeyEnrolled", "KeyRevoked", "SubjectErased")


class NotFound(Exception):
    """An edge that leads nowhere, in words. It never leaves lineage."""


@dataclass(frozen=True)
class Found(Generic[SomeBody]):
    """An event of one type. `index` is None while it waits to be entered in the ledger."""

    index: int | None
    event: Event
    body: SomeBody


class Chain:
    """The events, in ledger order, and after them those that wait to be entered."""

    def __init__(self, events: Iterable[tuple[int | None, Event]]) -> None:
        self._by_type: dict[type[Body], list[tuple[int | None, Event]]] = {}
        for index, event in events:
            self._by_type.setdefault(type(event.body), []).append((index, event))

    @classmethod
    def read(cls, ledger: Ledger, model: Name, waiting: Iterable[Event] = ()) -> Chain:
        """What a ledger holds of a model, of people and of erasures."""
        recorded = [*ledger.events(types=ABOUT_MODEL, name=model), *ledger.events(types=ABOUT_OTHERS)]
        return cls([*((one.index, one.event) for one in recorded), *((None, event) for event in waiting)])

    def all(self, kind: type[SomeBody], fits: Callable[[Event, SomeBody], bool] = lambda event, body: True) -> list[Found[SomeBody]]:
        """Every event of a type that fits."""
        return [
            Found(index, event, event.body)
            for index, event in self._by_type.get(kind, ())
            if isinstance(event.body, kind) and fits(event, event.body)
        ]

    def latest(self, kind: type[SomeBody], fits: Callable[[Event, SomeBody], bool], otherwise: str) -> Found[SomeBody]:
        """The last of them. Raises NotFound with `otherwise` where there is none."""
        found = self.all(kind, fits)
        if not found:
            raise NotFound(otherwise)
        return found[-1]


class Store:
    """Artifacts, as far as an explanation looks at them."""

    def __init__(self, has: Callable[[Digest], bool], read: Callable[[Digest], bytes]) -> None:
        self._has = has
        self._read = read

    def require(self, digest: Digest, what: str) -> bytes:
        """The bytes. Raises NotFound where they are gone, or others."""
        try:
            return self._read(digest)
        except UnknownName as error:
            raise NotFound(f"{what} {short(digest)} is not in the artifact store") from error
        except LifecycleError as error:
            raise NotFound(f"{what} {short(digest)} does not hold: {error.what.rstrip('.')}") from error

    def has(self, digest: Digest) -> bool:
        """Whether bytes lie under this digest, without reading them."""
        return self._has(digest)
