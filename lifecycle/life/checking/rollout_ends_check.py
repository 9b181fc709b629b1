"""Ends of rollouts held against who might say so: the part of `lifecycle ledger verify` that looks at promotions and ends by hand.

Outside of `local` a version whose plan leaves its promotion to a person is promoted by what one signed, who holds a role for that and
had no part in it; a rollout that a person ended was ended by what one signed, unless they took its version out, which is a rollback.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from lifecycle.ledger.verifying.findings import Finding, named
from lifecycle.life.checking.role_claims import RoleClaims
from lifecycle.life.gates.governed import UNGOVERNED
from lifecycle.life.people.known_keys import KnownKeys
from lifecycle.life.people.known_makers import KnownMakers
from lifecycle.life.people.known_roles import KnownRoles
from lifecycle.life.people.rollout_words import ROLES
from lifecycle.records.approval import RolloutStatement
from lifecycle.records.bodies.keeping import LedgerRestored
from lifecycle.records.bodies.serving import RolledBack, RolloutAborted, RolloutCompleted, RolloutEnd, RolloutRequested
from lifecycle.records.events import Event, Subject
from lifecycle.records.record import Id, Name

if TYPE_CHECKING:
    from lifecycle.approvals.people import Registry


class RolloutEndsCheck:
    """A `verifying.checks.Check`. `keys` is fed by whoever makes this; `people_here` gives the registry of this home."""

    def __init__(self, keys: KnownKeys, people_here: Callable[[], Registry | None]) -> None:
        self._roles, self._makers = KnownRoles(keys), KnownMakers()
        self._claims = RoleClaims(self._roles, people_here)
        #: The rollouts that wait for a person, and the versions that a rollback took out of the rollout that they were in.
        self._left_to_people: set[Id] = set()
        self._taken_out: set[tuple[Subject, Name]] = set()
        #: After a restore that lost records the rollback of what was taken out may be among these.
        self._lost = False

    def look_at(self, index: int, event: Event) -> Iterator[Finding]:
        """What was ended by nobody, or by somebody who might not."""
        body, name = event.body, named(index, event.type, event.id)
        if isinstance(body, RolloutRequested):
            self._taken_out.discard((event.subject, event.environment))
            if not body.plan.promotes_itself:
                self._left_to_people.add(body.rollout_id)
        elif isinstance(body, RolledBack):
            self._taken_out.add((event.subject, event.environment))
        elif isinstance(body, LedgerRestored):
            self._lost = self._lost or bool(body.lost)
        elif isinstance(body, RolloutEnd) and event.environment != UNGOVERNED:
            yield from (Finding(index, f"{name} {wrong}") for wrong in self._ended(index, name, event, body))
        self._makers.take(event)
        self._roles.take(event)

    def end(self) -> Iterator[Finding]:
        """Those to whom no registry ever gave the role."""
        yield from self._claims.end()

    def _ended(self, index: int, name: str, event: Event, body: RolloutEnd) -> Iterator[str]:
        said = body.statement
        if said is None:
            if self._needs_a_word(event, body):
                yield f"is signed by nobody, and in {event.environment} people govern"
            return
        if said.part == "promote" and said.signer in self._makers.of(event.subject.name, event.subject.version):
            yield f"promotes what {said.signer} had a part in, who signed it"
        if not self._owns(said, event):
            told = f"{name} is on the word of {said.signer}"
            self._claims.require(index, told, event.environment, said.signer, said.signed_at_us, frozenset(ROLES))

    def _needs_a_word(self, event: Event, body: RolloutEnd) -> bool:
        if isinstance(body, RolloutCompleted):
            return body.promoted_by is not None or body.rollout_id in self._left_to_people
        by_a_person = isinstance(body, RolloutAborted) and body.cause == "person"
        return by_a_person and not self._lost and (event.subject, event.environment) not in self._taken_out

    def _owns(self, said: RolloutStatement, event: Event) -> bool:
        return said.part == "end" and said.signer == self._makers.owner(event.subject.name, event.subject.version)
