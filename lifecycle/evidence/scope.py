"""Which events are about a version: its own, and those without its number that it cannot be told without."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Protocol

from lifecycle.errors import UnknownName
from lifecycle.records.bodies.serving import PredictionsSealed, RollbackRequested, RolledBack, RolloutCompleted
from lifecycle.records.bodies.training import ModelTrained
from lifecycle.records.events import Event, Recorded
from lifecycle.records.record import Version

#: How many events are held at once when a whole ledger is read.
PAGE = 2_000
#: How many segments of predictions are looked at for one version, from its first rollout on: a serving model seals one a minute.
MOST_SEGMENTS = 500
#: Events on another version, in which a version can have a part.
_SWAPS = ("RolledBack", "RollbackRequested", "RolloutCompleted")


class Head(Protocol):
    """How far a ledger reaches."""

    @property
    def size(self) -> int: ...


class Ledger(Protocol):
    """A ledger, as far as the evidence reads it."""

    def events(
        self,
        *,
        types: Collection[str] | None = None,
        name: str | None = None,
        version: Version | None = None,
        run_id: str | None = None,
        since: int = 0,
        limit: int | None = None,
    ) -> list[Recorded]:
        """The events that fit every filter that is given, in ledger order."""

    def head(self) -> Head:
        """How far it reaches now."""

    def checkpoint(self) -> str | None:
        """The newest signed note, or None before the first."""


def every_event(ledger: Ledger, *, types: Collection[str] | None = None, name: str | None = None) -> Iterator[Recorded]:
    """Events in ledger order, a page at a time, so that memory does not grow with the ledger."""
    since = 0
    while page := ledger.events(types=types, name=name, since=since, limit=PAGE):
        yield from page
        since = page[-1].index + 1


def life_of(ledger: Ledger, model: str, version: Version) -> list[Recorded]:
    """All that belongs to the life of one version, in ledger order, found by columns and not by reading everything.

    Its own events; those of the run that trained it, from the data on; the data set version that it learned from; rollouts and
    rollbacks of others that it had a part in; of the first MOST_SEGMENTS segments since its rollout those that hold answers of it.
    Raises UnknownName where there is no such version.
    """
    own = ledger.events(name=model, version=version)
    trained = next((one for one in own if isinstance(one.event.body, ModelTrained)), None)
    if trained is None or not isinstance(trained.event.body, ModelTrained):
        raise UnknownName(f"There is no {model}:{version} in the ledger.", "`lifecycle status` lists the versions.")
    found = {one.index: one for one in own}
    if trained.event.run_id is not None:
        of_run = ledger.events(name=model, run_id=trained.event.run_id)
        found |= {one.index: one for one in of_run if one.event.subject.version is None}
    digest = trained.event.body.dataset_digest
    ingested = [one for one in ledger.events(types=("DatasetIngested",), name=model) if one.event.subject.digest == digest]
    found |= {one.index: one for one in ingested if one.index < trained.index}
    found |= {one.index: one for one in ledger.events(types=_SWAPS, name=model) if version in _swapped(one.event)}
    rollout = next((one.index for one in own if one.event.type == "RolloutRequested"), None)
    if rollout is not None:
        sealed = ledger.events(types=("PredictionsSealed",), name=model, since=rollout, limit=MOST_SEGMENTS)
        found |= {one.index: one for one in sealed if version in _answering(one.event)}
    return [found[index] for index in sorted(found)]


def _swapped(event: Event) -> tuple[int | None, ...]:
    body = event.body
    if isinstance(body, RolledBack | RollbackRequested):
        return (body.from_version, body.to_version)
    return (body.superseded_version,) if isinstance(body, RolloutCompleted) else ()


def _answering(event: Event) -> tuple[int | None, ...]:
    body = event.body
    return tuple(one.version for one in body.versions) if isinstance(body, PredictionsSealed) else ()
