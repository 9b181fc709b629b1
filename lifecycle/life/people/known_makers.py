"""Who had a part in a version, as the ledger says it up to a place in it: what nobody reviews or promotes who had one."""

from __future__ import annotations

from collections import defaultdict

from lifecycle.records.bodies.decisions import DecisionMade
from lifecycle.records.bodies.training import ModelTrained
from lifecycle.records.events import Event
from lifecycle.records.record import ActorId


class KnownMakers:
    """Fed with the events in order: what it answers holds at the place that it has come to."""

    def __init__(self) -> None:
        self._makers: defaultdict[tuple[str, int | None], set[ActorId]] = defaultdict(set)
        self._owner: dict[tuple[str, int | None], ActorId] = {}

    def take(self, event: Event) -> None:
        """Takes in who had a part in a version."""
        body, subject = event.body, event.subject
        makers = self._makers[subject.name, subject.version]
        if isinstance(body, DecisionMade):
            makers |= {maker.id for maker in body.decision.input.subject.makers}
        elif isinstance(body, ModelTrained):
            self._owner[subject.name, subject.version] = body.declared.owner
            makers |= {body.declared.owner, *body.declared.members, *([body.code_author] if body.code_author else [])}
            makers |= {event.actor.id} if event.actor.authenticated else set()

    def of(self, model: str, version: int | None) -> frozenset[ActorId]:
        """All that are known of."""
        return frozenset(self._makers.get((model, version), ()))

    def owner(self, model: str, version: int | None) -> ActorId | None:
        """Who owned the model when the version was trained."""
        return self._owner.get((model, version))
