"""Who was given which key: the part of `lifecycle ledger verify` that looks whether one key stands under two people.

Nothing proves who enrolled somebody. A registry never holds one key twice, so that whoever has it counts once; but the ledger is a
history of registries, and who was taken out of one and enrolled anew under another id counts as two people over time.
"""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle.approvals.keys import key_id_of
from lifecycle.ledger.verifying.findings import Finding, named
from lifecycle.life.people.known_keys import KnownKeys
from lifecycle.records.bodies.decisions import DecisionMade
from lifecycle.records.bodies.governors import EnrolledKey, GovernanceChanged, KeyEnrolled, PersonEnrolled
from lifecycle.records.events import Event
from lifecycle.records.record import ActorId, Digest


class EnrolmentCheck:
    """A `verifying.checks.Check`. What it says are notices: whether somebody has two ids, or a key was handed on, only people can tell."""

    def __init__(self, keys: KnownKeys) -> None:
        self._keys = keys
        self._enrolled: dict[ActorId, tuple[int, tuple[EnrolledKey, ...]]] = {}
        #: By key: whom it was given to, and by which record first.
        self._holders: dict[str, dict[ActorId, str]] = {}
        self._registries: set[Digest] = set()

    def look_at(self, index: int, event: Event) -> Iterator[Finding]:
        """What is told of the keys that this event gives to somebody, itself or by a registry that it names."""
        name = named(index, event.type, event.id)
        if isinstance(event.body, PersonEnrolled):
            yield from self._again(index, name, event.body)
        for person, key in self._given(event):
            holders = self._holders.setdefault(key, {})
            if person in holders:
                continue
            for other, before in holders.items():
                told = f"{name} gives {person} the key {key}, which {other} has by {before}: whoever holds it may count as two people"
                yield Finding(index, told, None)
            holders[person] = name

    def end(self) -> Iterator[Finding]:
        yield from ()

    def _again(self, index: int, name: str, body: PersonEnrolled) -> Iterator[Finding]:
        """That somebody got another key is told."""
        first, keys = self._enrolled.setdefault(body.person, (index, body.keys))
        if first != index and not set(keys) >= set(body.keys):
            yield Finding(index, f"{name} gives {body.person} other keys than record {first}: ask whether they are theirs", None)

    def _given(self, event: Event) -> Iterator[tuple[ActorId, str]]:
        body = event.body
        if isinstance(body, PersonEnrolled):
            yield from ((body.person, key_id_of(key.public)) for key in body.keys)
        elif isinstance(body, KeyEnrolled):
            yield body.person, key_id_of(body.key.public)
        elif isinstance(body, DecisionMade):
            yield from self._in_registry(body.decision.policy.people_digest)
        elif isinstance(body, GovernanceChanged):
            yield from self._in_registry(body.people_digest)

    def _in_registry(self, digest: Digest) -> Iterator[tuple[ActorId, str]]:
        """Everybody's keys by a registry that no event named before. One that can't be had gives nobody any; the others tell of that."""
        if digest in self._registries:
            return
        self._registries.add(digest)
        registry = self._keys.registry(digest)
        for person in () if registry is None else registry.people.values():
            yield from ((person.id, key_id_of(key.public)) for key in person.keys)
