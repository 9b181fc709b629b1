"""Who had to hold a role for what they did, held against the registries that the ledger names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lifecycle.ledger.verifying.findings import Finding
from lifecycle.life.gates.governed import UNGOVERNED
from lifecycle.life.people.known_roles import KnownRoles, counts_in, roles_in
from lifecycle.records.record import ActorId, Microseconds, Name

if TYPE_CHECKING:
    from lifecycle.approvals.people import Registry


@dataclass(frozen=True)
class _Doubted:
    """Somebody of whom no registry so far says that they might: one that was edited by hand is first named by a later record."""

    index: int
    what: str
    environment: Name
    person: ActorId
    at_us: Microseconds
    roles: frozenset[Name]


class RoleClaims:
    """Fed with what needed a role, in the order of the ledger. `roles` is fed by whoever makes this."""

    def __init__(self, roles: KnownRoles, people_here: Callable[[], Registry | None]) -> None:
        """`people_here` gives the registry of this home, which no record may have named yet."""
        self._roles, self._people_here = roles, people_here
        self._found: list[Finding] = []
        self._doubted: list[_Doubted] = []

    def require(self, index: int, what: str, environment: Name, person: ActorId, at_us: Microseconds, roles: frozenset[Name]) -> None:
        """Holds somebody against the registries of this place; where people govern, one who stands in them gets no role later on."""
        known = self._roles.registries(environment)
        if known is None or roles & roles_in(known, environment, person, at_us):
            return
        told = f"{what}, who held none of the roles {', '.join(sorted(roles))}"
        if environment != UNGOVERNED and any(counts_in(registry, person, environment) for registry in known):
            self._found.append(Finding(index, told))
        else:
            self._doubted.append(_Doubted(index, told, environment, person, at_us, roles))

    def end(self) -> Iterator[Finding]:
        """Those to whom no registry gave the role."""
        yield from self._found
        here = self._people_here()
        for one in self._doubted:
            known = self._roles.registries(one.environment, so_far=True)
            if known is None:
                continue
            named = known if here is None else (*known, here)
            if not one.roles & roles_in(named, one.environment, one.person, one.at_us):
                yield Finding(one.index, one.what)
