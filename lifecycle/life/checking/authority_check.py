"""What was taken back, broken and reviewed, held against who might: the part of `lifecycle ledger verify` that knows roles.

A true signature is not yet a right. Outside of `local` whoever takes something back holds one of the roles for that, or it is theirs;
a glass is broken by those who signed that, and nothing goes past it without that record; a review is by somebody who had no part.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from lifecycle.ledger.verifying.findings import Finding, named
from lifecycle.life.checking.role_claims import RoleClaims
from lifecycle.life.gates.governed import UNGOVERNED
from lifecycle.life.people.known_keys import KnownKeys
from lifecycle.life.people.known_reviews import KnownReviews
from lifecycle.life.people.known_roles import KnownRoles
from lifecycle.life.revocation import ROLES
from lifecycle.records.bodies.decisions import ApprovalGiven, DecisionMade, WaiverSigned
from lifecycle.records.bodies.keeping import BodiesPruned
from lifecycle.records.bodies.reviews import GlassBroken, ReviewGiven
from lifecycle.records.bodies.revocations import ApprovalRevoked, KeyRevoked, Revocation, VersionRevoked
from lifecycle.records.bodies.training import ModelTrained
from lifecycle.records.events import Event, Subject
from lifecycle.records.gates import BREAK_GLASS, Decision, WaiverEvidence
from lifecycle.records.record import ActorId, Digest, Microseconds, Name

if TYPE_CHECKING:
    from lifecycle.approvals.people import Registry


class AuthorityCheck:
    """A `verifying.checks.Check`. `keys` is fed by whoever makes this; `people_here` gives the registry of this home."""

    def __init__(self, keys: KnownKeys, people_here: Callable[[], Registry | None]) -> None:
        self._people_here = people_here
        self._roles, self._reviews = KnownRoles(keys), KnownReviews()
        self._claims = RoleClaims(self._roles, people_here)
        self._owner: dict[tuple[str, int | None], ActorId] = {}
        #: Who said each statement that lets something pass, and of which version where.
        self._let: dict[Digest, tuple[ActorId, Subject, Name]] = {}
        self._broke: defaultdict[tuple[str, Subject, Name], set[ActorId]] = defaultdict(set)
        self._decided: dict[str, tuple[Decision, Subject, Name]] = {}
        self._broken: set[tuple[Digest | None, Name, Microseconds]] = set()
        #: Keys that were taken back, in whose name, and by which record: whose they are shows at the end.
        self._keys_gone: list[tuple[int, str, KeyRevoked]] = []
        #: What is missing of a version may have been pruned with its past: that shows at the end.
        self._missing: list[tuple[int, Subject, str]] = []
        self._closed: dict[tuple[str, int], int] = {}

    def look_at(self, index: int, event: Event) -> Iterator[Finding]:
        """What somebody did here who might not."""
        body, name = event.body, named(index, event.type, event.id)
        if isinstance(body, Revocation):
            self._taken_back(index, name, event, body)
            if isinstance(body, ApprovalRevoked):
                yield from (Finding(index, f"{name} {wrong}") for wrong in self._approval(index, name, event, body))
        elif isinstance(body, GlassBroken):
            self._glass(index, name, event, body)
        elif isinstance(body, DecisionMade):
            self._under_glass(index, name, event, body.decision)
        elif isinstance(body, ReviewGiven):
            yield from (Finding(index, f"{name} {wrong}") for wrong in self._review(index, name, event, body))
        self._take(index, event)

    def end(self) -> Iterator[Finding]:
        """Those whom no registry ever gave the role, keys in the name of somebody else, and what was never there."""
        yield from self._claims.end()
        here = self._people_here()
        everybody = (*(self._roles.registries(UNGOVERNED, so_far=True) or ()), *(() if here is None else (here,)))
        for index, name, gone in self._keys_gone:
            whose = {found[0].id for registry in everybody if (found := registry.key(gone.key_id)) is not None}
            if whose and gone.person not in whose:
                yield Finding(
                    index, f"{name} takes back the key {gone.key_id} as one of {gone.person}, and it is {' or '.join(sorted(whose))}'s"
                )
        for index, subject, what in self._missing:
            if subject.version is None or index > self._closed.get((subject.name, subject.version), -1):
                yield Finding(index, what)

    def _take(self, index: int, event: Event) -> None:
        body = event.body
        self._roles.take(event)
        self._reviews.take(event)
        if isinstance(body, ApprovalGiven):
            self._let[body.statement.content_digest()] = (body.statement.approver, event.subject, event.environment)
        elif isinstance(body, WaiverSigned):
            said = body.statement
            self._let[said.content_digest()] = (said.signer, event.subject, event.environment)
            if said.rule == BREAK_GLASS:
                self._broke[said.waiver_id, event.subject, event.environment].add(said.signer)
        elif isinstance(body, DecisionMade):
            self._decided.setdefault(body.decision.id, (body.decision, event.subject, event.environment))
        elif isinstance(body, GlassBroken):
            self._broken.add((event.subject.digest, event.environment, body.ends_at_us))
        elif isinstance(body, ModelTrained):
            self._owner[event.subject.name, event.subject.version] = body.declared.owner
        elif isinstance(body, BodiesPruned):
            self._closed |= {(closed.model, closed.version): index for closed in body.closed_versions}

    def _taken_back(self, index: int, name: str, event: Event, body: Revocation) -> None:
        if isinstance(body, KeyRevoked):
            self._keys_gone.append((index, name, body))
        said = body.statement
        if said is None or event.environment == UNGOVERNED:
            return
        if isinstance(body, VersionRevoked):
            whose = self._owner.get((event.subject.name, event.subject.version))
        elif isinstance(body, ApprovalRevoked):
            whose = body.approver
        else:
            whose = body.person if isinstance(body, KeyRevoked) else None
        if said.signer != whose:
            wrong = f"takes back the {body.revokes} {said.target} on the word of {said.signer}"
            roles = frozenset(ROLES[body.revokes])
            self._claims.require(index, f"{name} {wrong}", event.environment, said.signer, said.signed_at_us, roles)

    def _approval(self, index: int, name: str, event: Event, body: ApprovalRevoked) -> Iterator[str]:
        let = self._let.get(body.statement_digest)
        if let is None:
            if event.actor.kind == "human":  # what a restore recorded once more may be about what the restored ledger lacks
                self._missing.append((index, event.subject, f"{name} takes back a statement that no record before it holds"))
            return
        if let[0] != body.approver:
            yield f"takes back what {let[0]} signed as something that {body.approver} did"
        if let[1:] != (event.subject, event.environment):
            yield f"takes back what was signed about {let[1]} in {let[2]} as something about {event.subject} in {event.environment}"

    def _glass(self, index: int, name: str, event: Event, body: GlassBroken) -> None:
        strangers = set(body.signed_by) - self._broke.get((body.waiver_id, event.subject, event.environment), set())
        for person in sorted(strangers):
            self._missing.append((index, event.subject, f"{name} says that {person} broke the glass, and no record before it holds that"))
        decided = self._decided.get(body.decision_id)
        if decided is None:
            self._missing.append((index, event.subject, f"{name} goes by the decision {body.decision_id}, which no record before it holds"))
            return
        decision, evidence = decided[0], decided[0].input.evidence
        right = isinstance(evidence, WaiverEvidence) and (evidence.rule, evidence.waiver_id) == (BREAK_GLASS, body.waiver_id)
        if not right or not decision.allowed or decided[1:] != (event.subject, event.environment):
            told = f"{name} goes by the decision {body.decision_id}, which did not allow that"
            self._missing.append((index, event.subject, told))

    def _under_glass(self, index: int, name: str, event: Event, decision: Decision) -> None:
        for waiver in decision.input.waivers:
            if waiver.rule == BREAK_GLASS and (waiver.subject_digest, event.environment, waiver.expires_at_us) not in self._broken:
                told = f"{name} was shown a broken glass, and no record before it says that it is broken"
                self._missing.append((index, event.subject, told))

    def _review(self, index: int, name: str, event: Event, body: ReviewGiven) -> Iterator[str]:
        said, roles = body.statement, self._reviews.roles_for(body)
        if roles is None:
            self._missing.append((index, event.subject, f"{name} is about {said.event_id}, which nothing before it is"))
            return
        if self._reviews.had_a_part(body):
            yield f"is by {said.signer}, who had a part in what is reviewed"
        self._claims.require(index, f"{name} is by {said.signer}", event.environment, said.signer, said.signed_at_us, roles)
