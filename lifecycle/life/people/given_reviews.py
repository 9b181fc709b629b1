"""Whether a review that stands in the ledger was given by somebody who could: signed with a key that was theirs by then, in a role that
they held by then, by nobody who had a part in it.

Whoever can append to the ledger ends nothing with words of their own. Who counts today says nothing against a review of then: a
leaver whom nobody finds in the registry any more reopens nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecycle.life.gates.standing import body_of
from lifecycle.life.people.known_keys import KnownKeys, signature_fault
from lifecycle.life.people.known_reviews import KnownReviews
from lifecycle.life.people.known_roles import KnownRoles, roles_in
from lifecycle.records.bodies.reviews import ReviewGiven
from lifecycle.records.bodies.revocations import KeyRevoked, counts_as_revoked
from lifecycle.records.events import Recorded
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.approvals.people import Registry

#: What says who might review: whose keys and registries, who had a part, and what there is to review.
JUDGED_BY = (
    *("PersonEnrolled", "KeyEnrolled", "KeyRevoked", "GovernanceChanged", "DecisionMade"),
    *("ModelTrained", "GlassBroken", "RolledBack"),
)


def holds(departments: Departments, given: Recorded) -> bool:
    """Whether this review ends what it is about, by all that the ledger had said before it, and by whose hands its key was in."""
    body, environment = body_of(given, ReviewGiven), given.event.environment
    keys = KnownKeys(departments.artifacts.read)
    roles, reviews = KnownRoles(keys), KnownReviews()
    for before in departments.ledger.events(types=JUDGED_BY):
        if before.index >= given.index:
            break
        keys.take(before.index, before.event)
        roles.take(before.event)
        reviews.take(before.event)
    needed = reviews.roles_for(body)
    if needed is None or reviews.had_a_part(body):
        return False
    # Everybody who counted somewhere so far; today's registry stands in for those that can't be had here.
    named = (*(roles.registries(environment, so_far=True) or ()), departments.people)
    if _taken_back(departments, given, keys) or not _signed(body, keys, named):
        return False
    known = roles.registries(environment)
    if known is None:
        return True  # a registry that can't be had here says nothing against anybody; `ledger verify` tells of it
    return bool(needed & roles_in((*known, departments.people), environment, body.statement.signer, body.statement.signed_at_us))


def _signed(body: ReviewGiven, keys: KnownKeys, named: tuple[Registry, ...]) -> bool:
    """Whether a key that was the signer's, and in force when they signed, signed exactly this."""
    envelope, said = body.envelope, body.statement
    theirs = [found[1] for one in named if (found := one.key(envelope.key_id)) is not None and found[0].id == said.signer]
    if any(key.holds(said.signed_at_us) and signature_fault(envelope, key, said.signer) is None for key in theirs):
        return True
    # An enrolment alone names no time that a key is in force from or until.
    return not theirs and keys.wrong_with(envelope, said.signer) is None


def _taken_back(departments: Departments, given: Recorded, keys: KnownKeys) -> bool:
    """Whether the key was revoked before, or was in other hands by then."""
    key_id, environment = body_of(given, ReviewGiven).envelope.key_id, given.event.environment
    if keys.revoked(key_id, environment):
        return True
    for revoked in departments.ledger.events(types=("KeyRevoked",), name=key_id):
        since = body_of(revoked, KeyRevoked).compromised_from
        if since is not None and since <= given.index and counts_as_revoked(revoked.event.environment, environment):
            return True
    return False
