"""Who governs the governors: what counts, what lies in governance/, and each proposal with all that it changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lifecycle.errors import LifecycleError
from lifecycle.life.gates.governed import OTHERS, UNGOVERNED, Governed, Proposal, in_force, on_disk, open_proposals, registry_of
from lifecycle.life.gates.standing import body_of
from lifecycle.life.people.governing import ROLE
from lifecycle.records.bodies.governors import GovernanceChanged
from lifecycle.records.events import Recorded
from lifecycle.records.identity import now_us
from lifecycle.records.record import Digest, Microseconds
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.approvals.people import Registry
    from lifecycle.policy.bundle import Bundle

#: How many changes that came into force are shown, newest first; the ledger holds them all.
CHANGES_SHOWN = 10


@dataclass(frozen=True)
class Change:
    """One thing that is otherwise. `before` and `after` are "" where it is not there."""

    kind: str
    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Differences:
    """What one pair of policies and people changes of another; `fault` says why it can't be told."""

    changes: tuple[Change, ...]
    fault: str = ""


@dataclass(frozen=True)
class ProposalRow:
    """A proposal that waits, and what would be otherwise."""

    proposal: Proposal
    differences: Differences
    #: Whether whoever looks may still agree, as far as the page can tell; the rules say.
    for_you: bool


@dataclass(frozen=True)
class GovernanceView:
    """What the page shows."""

    environment: str
    #: Whether gates decide here only by what was agreed to.
    needed: bool
    in_force: Governed | None
    on_disk: Governed | None
    #: Why the files can't be read; empty where they can.
    fault: str
    #: From what is in force to what lies in governance/.
    differences: Differences
    proposals: tuple[ProposalRow, ...]
    changed: tuple[tuple[Recorded, GovernanceChanged], ...]
    others: int
    role: str
    read_at_us: Microseconds

    @property
    def agreed(self) -> bool:
        """Whether the files are what counts."""
        return self.in_force is not None and self.in_force == self.on_disk

    @property
    def is_proposed(self) -> bool:
        """Whether exactly these files are proposed already."""
        return any(
            (row.proposal.statement.bundle_digest, row.proposal.statement.people_digest)
            == (self.on_disk and self.on_disk.bundle_digest, self.on_disk and self.on_disk.people_digest)
            for row in self.proposals
        )


def governance_view(departments: Departments, person: str) -> GovernanceView:
    """The page for somebody."""
    before, fault, here = in_force(departments), "", None
    try:
        here = on_disk(departments)
    except LifecycleError as error:
        fault = error.what
    proposals = tuple(
        ProposalRow(
            one,
            differences(departments, before, Governed(one.statement.bundle_digest, one.statement.people_digest)),
            person not in (one.statement.signer, *one.agreed_by),
        )
        for one in open_proposals(departments)
    )
    recorded = departments.ledger.events(types=("GovernanceChanged",), newest_first=True, limit=CHANGES_SHOWN)
    return GovernanceView(
        environment=departments.environment,
        needed=departments.environment != UNGOVERNED,
        in_force=before,
        on_disk=here,
        fault=fault,
        differences=Differences(()) if here is None else differences(departments, before, here),
        proposals=proposals,
        changed=tuple((one, body_of(one, GovernanceChanged)) for one in recorded),
        others=OTHERS,
        role=ROLE,
        read_at_us=now_us(),
    )


def differences(departments: Departments, before: Governed | None, after: Governed) -> Differences:
    """Everything that the second has otherwise than the first; where nothing was in force, there is nothing to compare with."""
    if before is None or before == after:
        return Differences(())
    try:
        found: list[Change] = []
        if before.bundle_digest != after.bundle_digest:
            from lifecycle.policy.comparing import changes

            compared = changes(_bundle(departments, before.bundle_digest), _bundle(departments, after.bundle_digest))
            found += [Change(one.kind, one.name, one.before, one.after) for one in compared]
        if before.people_digest != after.people_digest:
            found += people_changes(_registry(departments, before.people_digest), _registry(departments, after.people_digest))
    except LifecycleError as error:
        return Differences((), error.what)
    return Differences(tuple(found))


def people_changes(before: Registry, after: Registry) -> Iterator[Change]:
    """Who comes, who goes, and whose roles, teams and keys are others; groups and delegations by what they say."""
    for kind, then, now in (
        ("person", _people(before), _people(after)),
        ("group", _groups(before), _groups(after)),
        ("delegation", _delegations(before), _delegations(after)),
    ):
        for name in sorted(then.keys() | now.keys()):
            if then.get(name) != now.get(name):
                yield Change(kind, name, then.get(name, ""), now.get(name, ""))


def _people(registry: Registry) -> Mapping[str, str]:
    def told(name: str) -> str:
        person = registry.people[name]
        keys = ", ".join(key.id for key in person.keys) or "none"
        return f"roles {', '.join(person.roles) or 'none'}; teams {', '.join(person.teams) or 'none'}; keys {keys}"

    return {name: told(name) for name in registry.people}


def _groups(registry: Registry) -> Mapping[str, str]:
    return {one.id: ", ".join(sorted(one.members)) for one in registry.groups}


def _delegations(registry: Registry) -> Mapping[str, str]:
    from lifecycle.records.record import canonical_bytes

    return {
        f"{one.giver} to {one.receiver}": canonical_bytes({"from_us": one.from_us, "until_us": one.until_us}).decode()
        for one in registry.delegations
    }


def _bundle(departments: Departments, digest: Digest) -> Bundle:
    from lifecycle.policy.bundle import Bundle

    here = Bundle.load(departments.settings.project / "governance")
    return here if here.digest == digest else Bundle.parse(departments.artifacts.read(digest))


def _registry(departments: Departments, digest: Digest) -> Registry:
    from lifecycle.approvals.people import Registry

    here = registry_of(departments)
    return here if here.digest == digest else Registry.parse(departments.artifacts.read(digest))
