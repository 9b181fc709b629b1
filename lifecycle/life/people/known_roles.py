"""Who held which role, as the ledger says it: by the registries of people that its records name, up to a place in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lifecycle.life.gates.governed import UNGOVERNED
from lifecycle.life.people.known_keys import KnownKeys
from lifecycle.records.bodies.decisions import DecisionMade
from lifecycle.records.bodies.governors import GovernanceChanged, KeyEnrolled, PersonEnrolled
from lifecycle.records.events import Event
from lifecycle.records.record import ActorId, Digest, Microseconds, Name

if TYPE_CHECKING:
    from lifecycle.approvals.people import Registry


class KnownRoles:
    """Fed with the events in order: what it answers holds at the place that it has come to."""

    def __init__(self, keys: KnownKeys) -> None:
        """`keys` reads the registries; whoever makes this need not feed it for that."""
        self._keys = keys
        #: What any record named, and what has been in force where people govern since they last agreed.
        self._named: dict[Digest, None] = {}
        self._governing: dict[Digest, None] = {}

    def take(self, event: Event) -> None:
        """Takes in which registry this event names."""
        body = event.body
        digest = None
        if isinstance(body, GovernanceChanged):
            digest, self._governing = body.people_digest, {}
        elif isinstance(body, DecisionMade):
            digest = body.decision.policy.people_digest
        elif isinstance(body, PersonEnrolled | KeyEnrolled):
            digest = body.registry_digest
        if digest is not None:
            self._named[digest] = None
            if event.environment != UNGOVERNED:
                self._governing[digest] = None

    def registries(self, environment: Name, *, so_far: bool = False) -> tuple[Registry, ...] | None:
        """The registries that may have counted there; None where one of them can't be had, so that nothing can be said.

        `so_far`: all that any record named, whatever was in force.
        """
        digests = self._named if so_far or environment == UNGOVERNED or not self._governing else self._governing
        found = [self._keys.registry(digest) for digest in digests]
        had = tuple(one for one in found if one is not None)
        return had if len(had) == len(found) else None


def roles_in(registries: Iterable[Registry], environment: Name, person: ActorId, at_us: Microseconds) -> frozenset[Name]:
    """What a person may do by any of these at that time, for themselves and for others. Those of a home count in `local` only."""
    return frozenset(
        role
        for registry in registries
        for name in registry.acts_as(person, at_us)
        if counts_in(registry, name, environment)
        for role in registry.people[name].roles
    )


def counts_in(registry: Registry, person: ActorId, environment: Name) -> bool:
    """Whether a registry has this person, for this environment."""
    return person in registry.people and (environment == UNGOVERNED or registry.origin.get(person) == "project")
