"""Access to gateways held against who might grant it: the part of `lifecycle ledger verify` that looks at grants.

Outside of `local` access is granted and taken back by the roles for that, or by the owner of every model that it is about. What is
taken back was granted before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from lifecycle.ledger.verifying.findings import Finding, named
from lifecycle.life.access.signed_access import ROLES
from lifecycle.life.checking.role_claims import RoleClaims
from lifecycle.life.gates.governed import UNGOVERNED
from lifecycle.life.people.known_keys import KnownKeys
from lifecycle.life.people.known_roles import KnownRoles
from lifecycle.records.approval import AccessStatement, BySigner, RevocationStatement
from lifecycle.records.bodies.access import AccessGranted, AccessRevoked
from lifecycle.records.bodies.governors import SignatureBarred
from lifecycle.records.bodies.keeping import LedgerRestored
from lifecycle.records.bodies.training import ModelTrained
from lifecycle.records.events import Event
from lifecycle.records.record import ActorId, Id, Name

if TYPE_CHECKING:
    from lifecycle.approvals.people import Registry


class AccessCheck:
    """A `verifying.checks.Check`. `keys` is fed by whoever makes this; `people_here` gives the registry of this home."""

    def __init__(self, keys: KnownKeys, people_here: Callable[[], Registry | None]) -> None:
        self._roles = KnownRoles(keys)
        self._claims = RoleClaims(self._roles, people_here)
        self._owner: dict[Name, ActorId] = {}
        self._granted: dict[Id, AccessGranted] = {}
        #: After a restore that lost records what was taken back may be among these.
        self._lost = False

    def look_at(self, index: int, event: Event) -> Iterator[Finding]:
        """What was granted or taken back by somebody who might not, or never granted; and who is said to have tried to sign."""
        body, name = event.body, named(index, event.type, event.id)
        if isinstance(body, AccessGranted):
            self._granted.setdefault(body.grant_id, body)
            if body.envelope is not None:
                self._by(index, f"{name} grants access", event, body.envelope.holding(AccessStatement), body.models)
        elif isinstance(body, AccessRevoked):
            yield from self._taken_back(index, name, event, body)
        elif isinstance(body, SignatureBarred) and {event.actor.id, event.subject.name} != {body.person}:
            yield Finding(index, f"{name} is kept in the name of {body.person}, as something that {event.actor.id} tried")
        elif isinstance(body, LedgerRestored):
            self._lost = self._lost or bool(body.lost)
        elif isinstance(body, ModelTrained):
            self._owner[event.subject.name] = body.declared.owner
        self._roles.take(event)

    def end(self) -> Iterator[Finding]:
        """Those to whom no registry ever gave the role."""
        yield from self._claims.end()

    def _taken_back(self, index: int, name: str, event: Event, body: AccessRevoked) -> Iterator[Finding]:
        granted = self._granted.get(body.grant_id)
        if granted is None:
            if not self._lost:
                yield Finding(index, f"{name} takes back the access {body.grant_id}, which no record before it grants")
            return
        if granted.principal != body.principal:
            yield Finding(index, f"{name} takes back an access of {granted.principal} as one of {body.principal}")
        if body.envelope is not None:
            self._by(index, f"{name} takes access back", event, body.envelope.holding(RevocationStatement), granted.models)

    def _by(self, index: int, what: str, event: Event, said: BySigner, models: Sequence[Name]) -> None:
        owns_all = all(self._owner.get(model) == said.signer for model in models)
        if event.environment != UNGOVERNED and not owns_all:
            told = f"{what} on the word of {said.signer}"
            self._claims.require(index, told, event.environment, said.signer, said.signed_at_us, frozenset(ROLES))
