"""Which reviews were given by somebody who could: about something that stands in the ledger, and by nobody who had a part in it."""

from __future__ import annotations

from dataclasses import dataclass

from lifecycle.life.people.known_makers import KnownMakers
from lifecycle.records.bodies.reviews import GlassBroken, ReviewGiven
from lifecycle.records.bodies.serving import RolledBack
from lifecycle.records.events import Event
from lifecycle.records.record import ActorId, Name

#: What is reviewed, and the roles of which one is enough to do so.
ROLES: dict[str, tuple[Name, ...]] = {"GlassBroken": ("risk",), "RolledBack": ("risk", "operator")}


@dataclass(frozen=True)
class _Done:
    """What is to be reviewed: where it stands, and who did it or asked for it."""

    kind: str
    about: tuple[str, int | None, str]
    by: frozenset[ActorId]


class KnownReviews:
    """Fed with the events in order: what it answers holds at the place that it has come to."""

    def __init__(self) -> None:
        self._done: dict[str, _Done] = {}
        self._makers = KnownMakers()

    def take(self, event: Event) -> None:
        """Takes in what is to be reviewed, and who had a part in a version."""
        body, subject = event.body, event.subject
        self._makers.take(event)
        if isinstance(body, GlassBroken):
            self._done[event.id] = _Done("GlassBroken", (subject.name, subject.version, event.environment), frozenset(body.signed_by))
        elif isinstance(body, RolledBack):
            asked = frozenset({event.actor.id} if event.actor.authenticated else ())
            self._done[event.id] = _Done("RolledBack", (subject.name, body.from_version, event.environment), asked)

    def roles_for(self, body: ReviewGiven) -> frozenset[Name] | None:
        """The roles of which one is needed; None where what is reviewed is not there, or is about another version or place."""
        said = body.statement
        done = self._done.get(said.event_id)
        if done is None or done.about != (said.model, said.version, said.environment):
            return None
        return frozenset(ROLES[done.kind])

    def had_a_part(self, body: ReviewGiven) -> bool:
        """Whether the reviewer made the version, or did or asked for what they review."""
        said = body.statement
        done = self._done.get(said.event_id)
        did = frozenset[str]() if done is None else done.by
        return said.signer in did | self._makers.of(said.model, said.version)
