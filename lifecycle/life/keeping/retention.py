"""Pruning by the retention policy of the project: bytes go, the ledger says which and by which policy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lifecycle.errors import InvalidDeclaration
from lifecycle.life.keeping.holding import holds_of
from lifecycle.life.recording import COMMAND_LINE
from lifecycle.life.signing import signed_now
from lifecycle.records.bodies.keeping import BodiesPruned, LeafRange
from lifecycle.records.documents import parse_yaml
from lifecycle.records.events import Event, Subject
from lifecycle.records.identity import now_us
from lifecycle.records.record import Digest, Microseconds
from lifecycle.records.retention import RetentionPolicy
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.ledger.keeping.holds import Hold
    from lifecycle.ledger.keeping.pruning import Pruning

#: How many ranges, and how many closed versions, one event names: so that it stays far below what a record may have.
_RANGES_IN_AN_EVENT, _VERSIONS_IN_AN_EVENT = 800, 300


@dataclass(frozen=True)
class Pruned:
    """What went, or would go (`dry_run`), by which policy, and under which holds nothing did."""

    dry_run: bool
    policy_digest: Digest
    prunings: tuple[Pruning, ...]
    #: The records that say so.
    indexes: tuple[int, ...]
    holds: tuple[Hold, ...]


def retention_policy(departments: Departments) -> RetentionPolicy:
    """governance/retention.yaml. Raises InvalidDeclaration that names what is wrong with it, or that there is none."""
    file = departments.settings.project / "governance" / "retention.yaml"
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidDeclaration(
            f"{file} can't be read: {error}.", "Write down how long records are kept there; nothing is pruned without it."
        ) from error
    return RetentionPolicy.read(parse_yaml(text, str(file)), str(file))


def prune(departments: Departments, *, at_us: Microseconds | None = None, dry_run: bool = False) -> Pruned:
    """Prunes what its retention has passed, as of now; one transaction, all of it or nothing.

    Only what a signature covers goes, so the ledger is signed first, where this process may have it signed (not in a dry run). Raises
    InvalidDeclaration as `retention_policy` does, and Unavailable where there is no ledger, or it or its signer does not answer.
    """
    from lifecycle.ledger.keeping.pruning import plan_pruning
    from lifecycle.proofs.notes import Checkpoint

    policy = retention_policy(departments)
    moment = now_us() if at_us is None else at_us
    departments.require_ledger()
    note = departments.ledger.checkpoint() if dry_run else signed_now(departments)
    signed = 0 if note is None else Checkpoint.parse(note).size
    if not dry_run:
        departments.artifacts.put(policy.canonical())
    with departments.ledger.writing() as writer:
        holds = holds_of(departments)
        prunings = plan_pruning(writer, policy, at_us=moment, signed_size=signed, holds=holds)
        indexes: tuple[int, ...] = ()
        if not dry_run:
            events = [event for pruning in prunings for event in _events(departments, pruning, policy.digest, moment)]
            indexes = tuple(receipt.index for receipt in writer.append_all(events))
            writer.drop_bodies([some for pruning in prunings for some in pruning.ranges])
    return Pruned(dry_run, policy.digest, prunings, indexes, holds)


def _events(departments: Departments, pruning: Pruning, policy_digest: Digest, at_us: Microseconds) -> Iterator[Event]:
    """What says that these went. All its versions are closed before the first record of one is named."""
    ranges, closed = pruning.ranges, pruning.closed
    while closed or ranges:
        some_closed, closed = closed[:_VERSIONS_IN_AN_EVENT], closed[_VERSIONS_IN_AN_EVENT:]
        some: tuple[LeafRange, ...] = () if closed else ranges[:_RANGES_IN_AN_EVENT]
        ranges = ranges[len(some) :]
        body = BodiesPruned(
            rule=pruning.rule,
            ranges=some,
            count=sum(one.end - one.start for one in some),
            columns_digest=pruning.columns_digest(some),
            before_us=pruning.before_us,
            policy_digest=policy_digest,
            closed_versions=some_closed,
        )
        about = Subject(kind="ledger", name="ledger")
        yield Event.happened(body, subject=about, actor=COMMAND_LINE, environment=departments.environment, at_us=at_us)
