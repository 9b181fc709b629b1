"""Prunings held against the retention policy that they name: the part of `lifecycle ledger verify` that reads it."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle.errors import LifecycleError, Unavailable, UnknownName
from lifecycle.ledger.keeping.pruning import CLOSED_VERSIONS
from lifecycle.ledger.verifying.checks import Check
from lifecycle.ledger.verifying.findings import Finding, named
from lifecycle.records.bodies.keeping import BodiesPruned
from lifecycle.records.events import Event
from lifecycle.records.retention import RetentionPolicy, days_before
from lifecycle.wiring import Departments


class RetentionCheck(Check):
    """What went, went by a rule of a policy that is kept in the artifact store, and not before its days were over.

    `elsewhere`: the ledger is another than this home's, so that a policy that is not here is told and no finding.
    """

    def __init__(self, departments: Departments | None, *, elsewhere: bool = False) -> None:
        self._departments = departments
        self._elsewhere = elsewhere

    def look_at(self, index: int, event: Event) -> Iterator[Finding]:
        """What is wrong with the rule that this says it went by."""
        body = event.body
        if not isinstance(body, BodiesPruned):
            return
        name = named(index, event.type, event.id)
        try:
            policy = self._policy(body)
        except (LifecycleError, UnicodeError) as error:
            away = isinstance(error, Unavailable) or (self._elsewhere and isinstance(error, UnknownName))
            why = error.what if isinstance(error, LifecycleError) else "it is no text"
            yield Finding(index, f"{name} went by a retention policy that can't be had: {why}", None if away else "L0")
            return
        days = policy.closed_versions if body.rule == CLOSED_VERSIONS else policy.observations.get(body.rule)
        if days is None:
            yield Finding(index, f"{name} went by the rule {body.rule!r}, which its retention policy does not have")
        elif body.before_us > days_before(event.occurred_at_us, days):
            yield Finding(index, f"{name} let records go that its retention policy keeps for {days} days")

    def _policy(self, body: BodiesPruned) -> RetentionPolicy:
        if self._departments is None:
            raise UnknownName("There is no artifact store here.", "Verify where the project is.")
        return RetentionPolicy.parse(self._departments.artifacts.read(body.policy_digest))
