"""Past decisions taken again: under their own bundle, as proof; under a draft, to see what it would change.

Decisions are read from the ledger page by page and taken in processes of their own: memory does not grow with
the length of the ledger, and every core has engines of its own.
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from multiprocessing import get_context
from typing import TYPE_CHECKING, TypeVar

from lifecycle.errors import LifecycleError
from lifecycle.life.gates.standing import body_of
from lifecycle.lineage.selection import ANSWERS, every_event
from lifecycle.policy.posing import answer
from lifecycle.policy.retaking import Retaken, retake
from lifecycle.records.bodies.decisions import DecisionMade
from lifecycle.records.bodies.serving import PredictionsSealed
from lifecycle.records.gates import Decision, DeploymentEvidence, GateInput, Outcome
from lifecycle.records.record import Digest, Microseconds
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.policy.bundle import Bundle
    from lifecycle.policy.embedded import EmbeddedEngine

TakenT = TypeVar("TakenT")

#: Decisions in one page: what a process is given at once.
_PAGE = 100
#: Fewer decisions than this are taken here: processes take longer to start.
_WORTH_PROCESSES = 200


@dataclass(frozen=True)
class Past:
    """A decision as the ledger holds it."""

    index: int
    decision: Decision

    @property
    def subject(self) -> str:
        """What was decided about, as people call it."""
        about = self.decision.input.subject
        return about.name if about.version is None else f"{about.name}:{about.version}"


@dataclass(frozen=True)
class Flip:
    """How a draft would have decided, where that is not how it was decided. `failure`: why the draft gave no answer."""

    was: Outcome
    would_be: Outcome
    fails_now: tuple[str, ...]
    fails_no_more: tuple[str, ...]
    failure: str = ""


def past_decisions(departments: Departments, *, since_us: Microseconds = 0) -> Iterator[Past]:
    """Every decision of this ledger, of whatever environment, from a time on, in ledger order."""
    for recorded in every_event(departments.ledger, types=("DecisionMade",)):
        if recorded.event.occurred_at_us >= since_us:
            yield Past(recorded.index, body_of(recorded, DecisionMade).decision)


def replayed(departments: Departments, past: Iterator[Past], *, processes: int | None = None) -> Iterator[tuple[Past, Retaken]]:
    """Each decision, and how it goes when it is taken again under its own bundle, from the artifact store."""
    keep = _Bundles(departments)
    return _taken(past, _retaken_page, lambda one: keep.document(one.decision.policy.bundle_digest), processes)


def flips(past: Iterator[Past], draft: Bundle, *, processes: int | None = None) -> Iterator[tuple[Past, Flip | None]]:
    """Each decision, and what a draft would have made of it; None where the verdict stays."""
    return _taken(past, _drafted_page, lambda _: draft.document, processes)


def predictions_by_decision(departments: Departments) -> dict[str, int]:
    """How many sealed predictions rest on each deployment decision, and so on the promotion that this one rests on."""
    answered: Counter[str] = Counter()
    for recorded in every_event(departments.ledger, types=ANSWERS):
        for version in body_of(recorded, PredictionsSealed).versions:
            if version.decision_id is not None:
                answered[version.decision_id] += version.rows
    promoted: Counter[str] = Counter()
    for deployment in answered:
        evidence = one_decision(departments, deployment).decision.input.evidence
        if isinstance(evidence, DeploymentEvidence):
            promoted[evidence.promotion_decision_id] += answered[deployment]
    return dict(answered + promoted)


class _Bundles:
    """Documents of bundles by their digests, each read once."""

    def __init__(self, departments: Departments) -> None:
        self._departments = departments
        self._read: dict[Digest, bytes | str] = {}

    def document(self, digest: Digest) -> bytes | str:
        """The bytes; why there are none, in words, where it can't be had."""
        if digest not in self._read:
            try:
                self._read[digest] = self._departments.artifacts.read(digest)
            except LifecycleError as error:
                self._read[digest] = error.what
        return self._read[digest]


_Page = list[tuple[Past, bytes | str]]


def _taken(
    past: Iterator[Past], take: Callable[[_Page], list[TakenT]], bundle_of: Callable[[Past], bytes | str], processes: int | None
) -> Iterator[tuple[Past, TakenT]]:
    """Pages through `take`, in order, on several cores where there is enough to do."""
    pages = _pages((one, bundle_of(one)) for one in past)
    first = list(islice(pages, _WORTH_PROCESSES // _PAGE))
    workers = (os.cpu_count() or 1) if processes is None else processes
    if workers < 2 or sum(map(len, first)) < _WORTH_PROCESSES:
        for page in first:
            yield from zip((one for one, _ in page), take(page), strict=True)
        return
    # Spawned, not forked: engines and drivers do not survive a fork.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting: deque[tuple[_Page, Future[list[TakenT]]]] = deque((page, pool.submit(take, page)) for page in first)
        for page in pages:
            waiting.append((page, pool.submit(take, page)))
            if len(waiting) > 4 * workers:
                yield from _finished(waiting.popleft())
        while waiting:
            yield from _finished(waiting.popleft())


def _finished(taken: tuple[_Page, Future[list[TakenT]]]) -> Iterator[tuple[Past, TakenT]]:
    page, future = taken
    return zip((one for one, _ in page), future.result(), strict=True)


def _pages(shown: Iterator[tuple[Past, bytes | str]]) -> Iterator[_Page]:
    page: _Page = []
    for one in shown:
        page.append(one)
        if len(page) == _PAGE:
            yield page
            page = []
    if page:
        yield page


def _retaken_page(page: _Page) -> list[Retaken]:
    return [
        Retaken("not_replayable", why=f"its bundle can't be had: {document}")
        if isinstance(document, str)
        else _retaken(past.decision, document)
        for past, document in page
    ]


def _retaken(decision: Decision, document: bytes) -> Retaken:
    try:
        bundle, engine = _engine_of(document)
    except LifecycleError as error:
        return Retaken("not_replayable", why=error.what)
    return retake(decision, bundle, engine)


def _drafted_page(page: _Page) -> list[Flip | None]:
    return [_drafted(past.decision, document) for past, document in page if isinstance(document, bytes)]


def _drafted(decision: Decision, document: bytes) -> Flip | None:
    bundle, engine = _engine_of(document)
    then, question = decision.result, _as_signed_under(bundle, decision)
    try:
        now = answer(question, question.canonical(), bundle, engine)
    except LifecycleError as error:
        # As the keeper would: no answer is a denial.
        return None if then.outcome == "deny" else Flip(then.outcome, "deny", (), (), error.what)
    if now.outcome == then.outcome:
        return None
    before, after = ({failed.rule for failed in result.violations} for result in (then, now))
    return Flip(then.outcome, now.outcome, tuple(sorted(after - before)), tuple(sorted(before - after)))


def _as_signed_under(draft: Bundle, decision: Decision) -> GateInput:
    """The question as it would have been asked under a draft: whoever signed over the policies that decided would have signed over these.

    Otherwise any change at all, of a comment say, would flip each decision that rests on an approval.
    """
    asked, then = decision.input, decision.policy.bundle_digest
    approvals = (one.model_copy(update={"bundle_digest": draft.digest}) if one.bundle_digest == then else one for one in asked.approvals)
    return asked.model_copy(update={"approvals": tuple(approvals)})


@lru_cache(maxsize=16)
def _engine_of(document: bytes) -> tuple[Bundle, EmbeddedEngine]:
    """The bundle of a document and an engine on it: compiled once a process, for a ledger knows few bundles."""
    from lifecycle.policy.bundle import Bundle
    from lifecycle.policy.embedded import EmbeddedEngine

    bundle = Bundle.parse(document)
    return bundle, EmbeddedEngine(bundle)


def one_decision(departments: Departments, decision_id: str) -> Past:
    """The decision of this id. Raises UnknownName where the ledger holds none."""
    from lifecycle.life.gates.asking import decision_event

    recorded = decision_event(departments, decision_id)
    return Past(recorded.index, body_of(recorded, DecisionMade).decision)
