"""What governs: the policies, limits and people that were last agreed to, against those that lie in governance/.

In the environment `local` nothing has to be agreed to.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lifecycle.errors import Refused
from lifecycle.life.gates.standing import body_of
from lifecycle.records.approval import GovernanceStatement
from lifecycle.records.bodies.governors import UNGOVERNED as UNGOVERNED
from lifecycle.records.bodies.governors import GovernanceChanged, GovernanceProposed, GovernanceSigned
from lifecycle.records.bodies.revocations import KeyRevoked, counts_as_revoked
from lifecycle.records.events import Recorded
from lifecycle.records.identity import now_us
from lifecycle.records.record import ActorId, Digest, Microseconds, Name
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.approvals.people import Registry

#: How many others must agree. Two people can't be one mistake, one grudge or one stolen key.
OTHERS = 2
#: All that says what governs.
GOVERNING = ("GovernanceProposed", "GovernanceSigned", "GovernanceChanged")


@dataclass(frozen=True)
class Governed:
    """What governs, by its digests."""

    bundle_digest: Digest
    people_digest: Digest


@dataclass(frozen=True)
class Proposal:
    """A proposal that waits for others."""

    recorded: Recorded
    statement: GovernanceStatement
    agreed_by: tuple[ActorId, ...]

    @property
    def missing(self) -> int:
        return OTHERS - len(self.agreed_by)


def in_force(departments: Departments) -> Governed | None:
    """What was last agreed to; None where nothing ever was."""
    found = departments.ledger.events(types=("GovernanceChanged",), newest_first=True, limit=1)
    return _governed(found[0]) if found else None


def on_disk(departments: Departments) -> Governed:
    """What stands in governance/ now: what a proposal would be about."""
    from lifecycle.policy.bundle import Bundle

    return Governed(Bundle.load(departments.settings.project / "governance").digest, registry_of(departments).digest)


def require_governed(departments: Departments) -> None:
    """Raises Refused where what decides here is not what was last agreed to; in `local` nothing has to be."""
    if departments.environment == UNGOVERNED:
        return
    standing = _agreed(departments)
    if standing.bundle_digest != departments.gate_keeper.bundle_digest:
        raise _not_agreed(departments, "policies or limits")
    if standing.people_digest != departments.people.digest:
        raise _not_agreed(departments, "people")


def require_people_agreed(departments: Departments) -> None:
    """The same of the people alone: for whom no gate is asked about, and whose roles count."""
    if departments.environment != UNGOVERNED and _agreed(departments).people_digest != departments.people.digest:
        raise _not_agreed(departments, "people")


def _agreed(departments: Departments) -> Governed:
    standing = in_force(departments)
    if standing is None:
        raise Refused(
            f"Nobody has agreed to any policies or people yet, so no gate decides in {departments.environment}.",
            f"`lifecycle governance propose`, then `lifecycle governance agree` by {OTHERS} others.",
            ("GOV-001",),
        )
    return standing


def _not_agreed(departments: Departments, changed: str) -> Refused:
    return Refused(
        f"The {changed} in governance/ are not those that were agreed to, so no gate decides in {departments.environment}.",
        "`lifecycle governance status` shows what differs; put the files back, or propose the change.",
        ("GOV-002",),
    )


def open_proposals(departments: Departments) -> list[Proposal]:
    """The proposals that can still be agreed to, the oldest first: they start from what is in force, and their time is not over."""
    revoked = revoked_among(departments.ledger.events(types=("KeyRevoked",)), departments.environment)
    return open_among(departments.ledger.events(types=GOVERNING), revoked, now_us())


def open_among(recorded: list[Recorded], revoked: frozenset[str], at_us: Microseconds) -> list[Proposal]:
    """The same from these events, without what a revoked key signed."""
    standing: Governed | None = None
    proposals: dict[str, Proposal] = {}
    for one in recorded:
        body = one.event.body
        if isinstance(body, GovernanceChanged):
            standing = _governed(one)
        elif isinstance(body, GovernanceProposed) and body.envelope.key_id not in revoked:
            proposals[body.statement.proposal_id] = Proposal(one, body.statement, ())
        elif isinstance(body, GovernanceSigned) and body.statement.proposal_id in proposals and body.envelope.key_id not in revoked:
            asked = proposals[body.statement.proposal_id]
            proposals[body.statement.proposal_id] = Proposal(asked.recorded, asked.statement, (*asked.agreed_by, body.statement.signer))
    return [one for one in proposals.values() if before_of(one.statement) == standing and at_us < one.statement.expires_at_us]


def before_of(statement: GovernanceStatement) -> Governed | None:
    """What a statement starts from."""
    if statement.previous_bundle_digest is None or statement.previous_people_digest is None:
        return None
    return Governed(statement.previous_bundle_digest, statement.previous_people_digest)


def _governed(recorded: Recorded) -> Governed:
    body = body_of(recorded, GovernanceChanged)
    return Governed(body.bundle_digest, body.people_digest)


def registry_of(departments: Departments) -> Registry:
    """The project's people alone: those of a home count in `local` only."""
    from lifecycle.approvals.people import Registry

    return Registry.load(departments.settings.project / "governance" / "people.yaml", None)


def revoked_among(recorded: Iterable[Recorded], environment: Name) -> frozenset[str]:
    """The keys that these events revoke in an environment: what they signed counts no more there."""
    return frozenset(body_of(one, KeyRevoked).key_id for one in recorded if counts_as_revoked(one.event.environment, environment))
