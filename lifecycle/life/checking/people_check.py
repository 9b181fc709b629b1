"""People's part in the ledger: the checks of `lifecycle ledger verify` that know keys and registries, fed by one account of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lifecycle.errors import LifecycleError, Unavailable, UnknownName
from lifecycle.ledger.verifying.findings import Finding
from lifecycle.life.checking.access_check import AccessCheck
from lifecycle.life.checking.authority_check import AuthorityCheck
from lifecycle.life.checking.decision_check import DecisionCheck
from lifecycle.life.checking.enrolment_check import EnrolmentCheck
from lifecycle.life.checking.rollout_ends_check import RolloutEndsCheck
from lifecycle.life.checking.signature_check import SignatureCheck
from lifecycle.life.checking.stolen_keys_check import StolenKeysCheck
from lifecycle.life.people.known_keys import KnownKeys
from lifecycle.records.counted import counted
from lifecycle.records.events import Event
from lifecycle.records.gates import Decision
from lifecycle.records.record import Digest
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.approvals.people import Registry


class PeopleCheck:
    """A `verifying.checks.Check`: what people signed is theirs, what decisions were shown was said, and what is rolled out was allowed.

    `elsewhere`: the ledger is another than this home's, so that registries which are not in its artifact store are told and no
    finding, and the people of this home say nothing about it. None stands for no home at all.
    """

    def __init__(self, departments: Departments | None, *, elsewhere: bool = False) -> None:
        self._departments = departments
        self._elsewhere = elsewhere
        self._keys = KnownKeys(self._document, elsewhere=elsewhere)
        self._parts = (
            SignatureCheck(self._keys, self._people_here),
            DecisionCheck(self._keys, self._doubt),
            AuthorityCheck(self._keys, self._people_here),
            AccessCheck(self._keys, self._people_here),
            RolloutEndsCheck(self._keys, self._people_here),
            StolenKeysCheck(),
            EnrolmentCheck(self._keys),
        )
        #: Decisions whose rules can't be had here, which is no fault of the ledger.
        self._not_taken_again = 0

    def look_at(self, index: int, event: Event) -> Iterator[Finding]:
        """What is wrong with what this event says of people's words."""
        for part in self._parts:
            yield from part.look_at(index, event)
        self._keys.take(index, event)

    def end(self) -> Iterator[Finding]:
        """What shows only after the last one, and what could not be looked at here."""
        for part in self._parts:
            yield from part.end()
        away = len(self._keys.out_of_reach)
        if away:
            registries = counted(away, "registry of people", "registries of people")
            told = f"{registries} that decisions go by can't be had here: whose keys and roles were given was not looked at"
            yield Finding(None, told, None)
        if self._not_taken_again:
            decisions = counted(self._not_taken_again, "decision that was rolled out was", "decisions that were rolled out were")
            yield Finding(None, f"{decisions} not taken again: the policies can't be had here", None)

    def _doubt(self, decision: Decision) -> str:
        """What comes out otherwise when the stored question is put to the stored rules; "" for nothing."""
        from lifecycle.life.checking.replaying import Past, replayed

        try:
            if self._departments is None or (self._elsewhere and not self._departments.artifacts.has(decision.policy.bundle_digest)):
                self._not_taken_again += 1
                return ""
            retaken = next(replayed(self._departments, iter((Past(0, decision),)), processes=1))[1]
        except Unavailable:
            self._not_taken_again += 1
            return ""
        return retaken.why or "; ".join(retaken.difference)

    def _document(self, digest: Digest) -> bytes:
        if self._departments is None:
            raise UnknownName(f"There is no artifact store here to have {digest} from.", "Verify where the project is.")
        return self._departments.artifacts.read(digest)

    def _people_here(self) -> Registry | None:
        if self._departments is None or self._elsewhere:
            return None
        try:
            return self._departments.people
        except LifecycleError:
            return None
