"""Which keys speak for whom, as the ledger says it: by enrolment, and by the registries of people that its records name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from lifecycle.errors import LifecycleError, Unavailable, UnknownName
from lifecycle.records.approval import Envelope
from lifecycle.records.bodies.decisions import DecisionMade
from lifecycle.records.bodies.governors import EnrolledKey, GovernanceChanged, KeyEnrolled, PersonEnrolled
from lifecycle.records.bodies.revocations import KeyRevoked, counts_as_revoked
from lifecycle.records.events import Event
from lifecycle.records.record import ActorId, Digest, Name

if TYPE_CHECKING:
    from lifecycle.approvals.people import Registry
    from lifecycle.approvals.statements import VerifyingKey


class KnownKeys:
    """Fed with the events in order: what it answers holds at the place that it has come to."""

    def __init__(self, read: Callable[[Digest], bytes], *, elsewhere: bool = False) -> None:
        """`read` gives a registry's document by its digest, as `ArtifactStore.read` does.

        `elsewhere`: the ledger may be of another home, whose registries nobody has here; that is said and is no fault of the ledger.
        """
        self._read = read
        self._elsewhere = elsewhere
        self._enrolled: defaultdict[tuple[ActorId, str], list[EnrolledKey]] = defaultdict(list)
        self._named: dict[Digest, None] = {}
        self._registries: dict[Digest, Registry | str] = {}
        #: The keys that were revoked so far, and in which environments that was said.
        self._revoked: defaultdict[str, set[Name]] = defaultdict(set)
        #: Registries that nobody could look at here, which is no fault of the ledger.
        self.out_of_reach: set[Digest] = set()

    def take(self, index: int, event: Event) -> None:
        """Takes in whose keys this event enrols or revokes, and which registry it names."""
        body = event.body
        if isinstance(body, PersonEnrolled):
            for key in body.keys:
                self._enrolled[body.person, key.id].append(key)
            self._named[body.registry_digest] = None
        elif isinstance(body, KeyEnrolled):
            # With no registry it waits for others to agree, and counts by the registry that has it then.
            if body.registry is not None:
                self._enrolled[body.person, body.key.id].append(body.key)
            if body.registry_digest is not None:
                self._named[body.registry_digest] = None
        elif isinstance(body, KeyRevoked):
            self._revoked[body.key_id].add(event.environment)
        elif isinstance(body, DecisionMade):
            self._named[body.decision.policy.people_digest] = None
        elif isinstance(body, GovernanceChanged):
            self._named[body.people_digest] = None

    def registry(self, digest: Digest) -> Registry | None:
        """The registry behind a digest; None where it can't be had: `why_not` says why, and whether that is a fault."""
        found = self._registry(digest)
        return None if isinstance(found, str) else found

    def why_not(self, digest: Digest) -> str:
        """Why there is no registry behind a digest; "" where it is only out of reach from here."""
        found = self._registry(digest)
        return found if isinstance(found, str) else ""

    def revoked(self, key_id: str, environment: Name) -> bool:
        """Whether this key was revoked so far, as it counts in an environment."""
        return any(counts_as_revoked(said_in, environment) for said_in in self._revoked.get(key_id, ()))

    def wrong_with(self, envelope: Envelope, signer: ActorId) -> str | None:
        """Why this is not signed by a key of the signer that the ledger knows so far; None where it is, "" where nobody has the key."""
        wrong: str | None = ""
        for key in self._keys(signer, envelope.key_id):
            wrong = signature_fault(envelope, key, signer)
            if wrong is None:
                return None
        return wrong

    def _keys(self, person: ActorId, key_id: str) -> Iterator[VerifyingKey]:
        yield from self._enrolled.get((person, key_id), ())
        for digest in self._named:
            key = key_in(self.registry(digest), person, key_id)
            if key is not None:
                yield key

    def _registry(self, digest: Digest) -> Registry | str:
        from lifecycle.approvals.people import Registry

        if digest not in self._registries:
            try:
                self._registries[digest] = Registry.parse(self._read(digest))
            except LifecycleError as error:
                away = isinstance(error, Unavailable) or (isinstance(error, UnknownName) and self._elsewhere)
                self._registries[digest] = "" if away else error.what.rstrip(".")
                if away:
                    self.out_of_reach.add(digest)
        return self._registries[digest]


def key_in(registry: Registry | None, person: ActorId, key_id: str) -> VerifyingKey | None:
    """The key of this id that a registry gives to this person."""
    found = None if registry is None else registry.key(key_id)
    return found[1] if found is not None and found[0].id == person else None


def signature_fault(envelope: Envelope, key: VerifyingKey, signer: ActorId) -> str | None:
    """Why a key did not sign this, as the end of a sentence; None where it did."""
    from lifecycle.approvals.statements import require_signed_by

    try:
        require_signed_by(envelope, key, signer)
    except LifecycleError as error:
        return error.what.rstrip(".")
    return None
