"""What an OPA server logged, held against what the ledger holds: the same questions, the same answers, none more and none less."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from lifecycle.errors import LifecycleError
from lifecycle.life.checking.replaying import Past, past_decisions
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.decision_log import Logged, contradictions
from lifecycle.records.record import Digest, Id
from lifecycle.wiring import Departments

Comparison = Literal["matched", "different", "unrecorded", "unlogged"]


@dataclass(frozen=True)
class Compared:
    """One decision as both accounts have it: `unrecorded` where the ledger has none of it, `unlogged` where the log has none."""

    comparison: Comparison
    past: Past | None
    logged: Logged | None
    what: tuple[str, ...] = ()


def compared(departments: Departments, log: Iterable[Logged]) -> list[Compared]:
    """Every entry of the log, and every decision of an OPA server from the time that the log covers.

    A keeper denies by itself where a server does not answer as it must; of such a decision a log need have no entry.
    """
    entries = list(log)
    if not entries:
        return []
    first, last = min(entry.at_us for entry in entries), max(entry.at_us for entry in entries)
    decided = Decided(past for past in past_decisions(departments) if past.decision.policy.engine == "opa")
    bundles: dict[Digest, Bundle | None] = {}
    found: list[Compared] = []
    taken: dict[Id, Logged] = {}
    for entry in entries:
        past = decided.in_answer_to(entry)
        if past is None:
            found.append(Compared("unrecorded", None, entry, (decided.why_not(entry),)))
            continue
        # A server uploads an entry again where it did not hear that it arrived: that one is the same to the last byte.
        if taken.setdefault(past.decision.id, entry) != entry:
            found.append(Compared("unrecorded", None, entry, (f"another entry says that it is of the decision {past.decision.id}",)))
            continue
        digest = past.decision.policy.bundle_digest
        if digest not in bundles:
            bundles[digest] = _bundle(departments, digest)
        wrong = () if _denied_without_an_answer(past) else tuple(contradictions(past.decision, entry, bundles[digest]))
        found.append(Compared("different" if wrong else "matched", past, entry, wrong))
    logged = {one.past.decision.id for one in found if one.past is not None}
    found.extend(
        Compared("unlogged", past, None, ("the server's log has no entry of this decision",))
        for past in decided.all
        if past.decision.id not in logged and first <= past.decision.input.now_us <= last and not _denied_without_an_answer(past)
    )
    return found


class Decided:
    """The recorded decisions of OPA servers, by what ties a log's entry to one: the id that the server gave it, else the request's."""

    def __init__(self, past: Iterable[Past]) -> None:
        self.all = list(past)
        self._by_name = {one.decision.logged_as: one for one in self.all if one.decision.logged_as is not None}
        self._by_request = {one.decision.input.request.id: one for one in self.all}

    def in_answer_to(self, entry: Logged) -> Past | None:
        """The decision that an entry is of. A record that names an entry stands for that one alone, whoever repeats its question."""
        named = self._by_name.get(entry.decision_id)
        if named is not None:
            return named
        asked = self._by_request.get(entry.request_id)
        return asked if asked is not None and asked.decision.logged_as is None else None

    def why_not(self, entry: Logged) -> str:
        """Why no decision is one that this entry is of."""
        repeated = self._by_request.get(entry.request_id)
        if repeated is None:
            return f"the gate {entry.gate} was asked, and no record says so"
        return f"the gate {entry.gate} was asked again what it had been asked, which is in the log as {repeated.decision.logged_as}"


def _denied_without_an_answer(past: Past) -> bool:
    return any(failed.rule.startswith("SYS-") for failed in past.decision.result.violations)


def _bundle(departments: Departments, digest: Digest) -> Bundle | None:
    try:
        return Bundle.parse(departments.artifacts.read(digest))
    except LifecycleError:
        return None
