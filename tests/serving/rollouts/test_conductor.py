"""Whatever is ordered, seen, killed and started again: what the routes give to a version is what its plan and the journal say.

The conductor is the real one, with its journal, routes and counts in real files; its processes and its packages are not.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lifecycle.errors import LifecycleError, Unavailable
from lifecycle.records.bodies.serving import RolledBack, RolloutAborted, RolloutCompleted, RolloutStepReached
from lifecycle.records.events import Event
from lifecycle.records.record import digest_of
from lifecycle.records.rollout import Guardrail, LedgerProof, RolloutOrder, RolloutPlan, RolloutStep
from lifecycle.records.states import Fold
from lifecycle.serving.allowed.used_decisions import UsedDecisions
from lifecycle.serving.answering.counters import Counters
from lifecycle.serving.answering.routes import WHOLE, RouteTable, as_weight
from lifecycle.serving.rollouts.books import Books
from lifecycle.serving.rollouts.conductor import Conductor
from lifecycle.serving.rollouts.delivery import Delivery
from lifecycle.serving.rollouts.journal import Journal
from lifecycle.serving.rollouts.rollback_asked import RollbackAsked
from lifecycle.serving.rollouts.state import ModelState
from lifecycle.serving.rollouts.word import Word
from lifecycle.serving.supervision.fleet import Holding
from tests.serving.packages import BY_HAND

pytestmark = pytest.mark.slow

MODEL = "credit"
ERRORS = (Guardrail(kind="errors"),)


def _step(weight: float, minimum_n: int = 5) -> RolloutStep:
    return RolloutStep(weight=weight, minimum_n=minimum_n, bake_seconds=0.0)


PLANS = {
    "canary": RolloutPlan(steps=(_step(0.1), _step(0.5), _step(1.0, 0)), guardrails=ERRORS),
    "kept": RolloutPlan(steps=(_step(0.5), _step(1.0, 0)), guardrails=ERRORS, holdout=0.2),
    "blue_green": RolloutPlan(strategy="blue_green", steps=(_step(1.0),), guardrails=ERRORS),
    "ab": RolloutPlan(strategy="ab", steps=(_step(0.3),), guardrails=ERRORS, holdout=0.1),
    "shadow": RolloutPlan(strategy="shadow", steps=(_step(0.5),), guardrails=ERRORS),
    "shadow first": RolloutPlan(strategy="shadow", steps=(_step(0.5), _step(0.25), _step(1.0, 0)), guardrails=ERRORS),
}


@dataclass
class FakeFleet:
    """Processes that load at once, and die when a test says so."""

    held: dict[int, Holding] = field(default_factory=dict)
    canaries: dict[str, int] = field(default_factory=dict)
    #: Whether what is loaded next does not fit.
    broken: bool = False

    def introduce(self, model: str, slot: int) -> None:
        """Nothing to know."""

    def hold(self, holding: Holding) -> None:
        self.held[holding.version.version] = holding

    async def load(self, holding: Holding) -> None:
        await self._take_memory()
        self.hold(holding)

    async def keep_only(self, model: str, wanted: Any) -> None:
        self.held = {version: holding for version, holding in self.held.items() if version in wanted()}

    async def start_canary(self, rollout_id: str, holding: Holding, wanted: Any) -> None:
        await self._take_memory()
        if wanted():
            self.canaries[rollout_id] = holding.version.version

    async def _take_memory(self) -> None:
        await asyncio.sleep(0)
        if self.broken:
            self.broken = False
            raise Unavailable("No memory.", "Free some.")

    async def stop_canary(self, rollout_id: str) -> None:
        self.canaries.pop(rollout_id, None)

    async def acknowledge(self, model: str, slot: int, epoch: int) -> None:
        await asyncio.sleep(0)


class FakeCache:
    """Packages that hold."""

    def __init__(self) -> None:
        self.orders: dict[int, RolloutOrder] = {}

    def admit(self, order: RolloutOrder, source: Path) -> Any:
        self.orders[order.version] = order
        return SimpleNamespace(order=order)

    def readmit(self, model: str, version: int, digest: str) -> Any:
        return SimpleNamespace(order=self.orders[version])


class Life:
    """One gateway's conductor, and what is held against it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = FakeCache()
        self.strategies: dict[str, str] = {}
        self.states = Fold("local")
        self.told = 0
        self.events: list[Event] = []
        self.ordered = 0
        self.counters = Counters.open(folder / "counters-0.bin")
        self.open()

    def open(self) -> None:
        """Starts, as after a kill: only what is in files is known."""
        self.journal = Journal.open(self.folder / "journal.jsonl")
        self.table = RouteTable.create(self.folder / "routes.bin")
        self.fleet = FakeFleet()
        delivery = Delivery(self.journal, None, self.folder / "aside")  # type: ignore[arg-type]  # nothing is delivered
        used = UsedDecisions(self.folder / "used", self.journal.state.decisions)
        self.books = Books("local", self.journal, used, self.table, lambda: [self.counters], delivery)
        self.conductor = Conductor(self.books, self.fleet, self.cache, 0.0, self.folder)  # type: ignore[arg-type]  # see above

    async def settle(self) -> None:
        for _ in range(40):
            await asyncio.sleep(0)

    async def restart(self) -> None:
        await self.conductor.end()
        self.listen()
        self.journal.close()
        self.open()
        await self.conductor.admit_all()
        await self.conductor.resume()

    async def order(self, strategy: str) -> None:
        self.ordered += 1
        version, rollout_id = self.ordered, f"rollout-{self.ordered}"
        made = RolloutOrder(
            rollout_id=rollout_id,
            model=MODEL,
            version=version,
            digest=digest_of(str(version).encode()),
            environment="local",
            plan=PLANS[strategy],
            decision_id=f"decision-{version}",
            proof=LedgerProof(index=1, leaf="", path=(), checkpoint=""),
            signature_digest=digest_of(b""),
            run_id=None,
            ordered_at_us=1,
            actor="ada",
        )
        await self.conductor.order(made, self.folder)
        self.strategies[rollout_id] = strategy
        self.states.states[MODEL, version] = "rolling_out"

    def listen(self) -> None:
        """Takes in what was told since, in order: each must be able to happen."""
        while (pending := self.journal.next_pending()) is not None:
            self.states.apply(pending.event)
            self.events.append(pending.event)
            self.journal.delivered(pending)

    def check(self) -> None:
        self.listen()
        state = self.books.find(MODEL)
        if state is None:
            return
        route = self.table.read(state.slot)
        shares = (route.champion_share, route.canary_share, route.holdout_share)
        assert all(share >= 0.0 for share in shares)
        assert abs(sum(shares) - 1.0) < 1e-9
        # What serves is what the journal says, and what the ledger was told.
        assert route.champion == (0 if state.champion is None else state.champion.version)
        assert [version for (_, version), now in self.states.states.items() if now == "serving"] == (
            [route.champion] if route.champion else []
        )
        # Whoever may be asked is loaded: the champion's capacity stays until another one has taken its place.
        assert {version for version in (route.champion, route.holdout) if version} <= self.fleet.held.keys()
        if route.canary:
            assert route.canary in self.fleet.canaries.values()
            assert state.rollout is not None
            plan = self.cache.orders[route.canary].plan
            assert abs(route.weight / WHOLE - plan.steps[state.rollout.step].weight) < 1e-9
            assert route.copies == plan.copies(state.rollout.step)
        if route.holdout:
            assert route.holdout != route.champion
            assert route.holdout_share == as_weight(self.cache.orders[route.champion].plan.holdout or 0.0) / WHOLE

    def require_promises(self) -> None:
        """Of the whole life: who promoted what, and that each rollout ended once."""
        ends = [event.body for event in self.events if isinstance(event.body, RolloutCompleted | RolloutAborted)]
        assert len({body.rollout_id for body in ends}) == len(ends)
        for body in ends:
            if isinstance(body, RolloutCompleted):
                by_person = not PLANS[self.strategies[body.rollout_id]].promotes_itself
                assert (body.promoted_by is not None) == by_person
        for rollout_id, strategy in self.strategies.items():
            reached = [b.weight for e in self.events if isinstance(b := e.body, RolloutStepReached) and b.rollout_id == rollout_id]
            assert reached == [step.weight for step in PLANS[strategy].steps[: len(reached)]]
        undone = [event.body.rollback_id for event in self.events if isinstance(event.body, RolledBack)]
        assert len(set(undone)) == len(undone)


DEEDS = st.one_of(
    st.tuples(st.sampled_from(["order", "live"]), st.sampled_from(sorted(PLANS))),
    st.tuples(st.sampled_from(["traffic", "failures"]), st.integers(10, 60)),
    st.just(("grow", 0)),
    st.sampled_from([("promote", 0), ("kill", 0), ("grow", 0)]),
    st.sampled_from([("abort", 0), ("rollback", 0), ("kill", 0), ("death", 0), ("memory", 0)]),
)


def _ask(life: Life, state: ModelState, requests: int, *, fails: bool) -> None:
    """Traffic, split as the routes say; what goes to the canary is answered, or fails and is answered in its place."""
    route = life.table.read(state.slot)
    canary = round(requests * route.weight / WHOLE) if route.canary else 0
    for _ in range(canary):
        cell = life.counters.cell(state.slot, route.canary_cell)
        if fails:
            cell.failed(fell_back=True)
        else:
            cell.answered(100, False)
    for _ in range(requests if route.copies else requests - canary):
        life.counters.cell(state.slot, route.champion_cell).answered(100, False)


async def _do(life: Life, number: int, deed: str, what: Any) -> None:
    state = life.books.find(MODEL)
    rollout = None if state is None else state.rollout
    match deed:
        case "order":
            await life.order(what)
        case "traffic" | "failures" if state is not None:
            _ask(life, state, what, fails=deed == "failures")
        case "live" | "grow":
            if deed == "live":
                await life.order(what)
            for _ in range(8):
                if (now := life.books.find(MODEL)) is not None:
                    _ask(life, now, 40, fails=False)
                await life.settle()
                life.check()
        case "promote" if rollout is not None:
            await life.conductor.promote(Word(part="promote", rollout_id=rollout.rollout_id, by="ada", reason="because"))
        case "abort" if rollout is not None:
            await life.conductor.abort(rollout.rollout_id, "because", "person")
        case "rollback":
            await life.conductor.rollback(RollbackAsked(model=MODEL, trigger=BY_HAND, reason="because", rollback_id=f"rollback-{number}"))
        case "death" if rollout is not None:
            life.conductor.canary_died(rollout.rollout_id, "killed")
        case "memory":
            life.fleet.broken = True
        case "kill":
            await life.restart()


async def _live(life: Life, deeds: list[tuple[str, Any]]) -> None:
    """A first version serves; then whatever happens."""
    for number, (deed, what) in enumerate([("order", "blue_green"), ("grow", 0), *deeds]):
        doing: Coroutine[Any, Any, None] = _do(life, number, deed, what)
        try:
            await doing
        except LifecycleError:
            # Refused, which changes nothing that the checks below would not see.
            pass
        life.check()
        await life.settle()
        life.check()
    await life.conductor.end()
    life.check()
    life.require_promises()
    life.journal.close()


@settings(max_examples=100, deadline=None)
@example(deeds=[("live", "kept"), ("rollback", 0), ("kill", 0)])
@example(deeds=[("live", "kept"), ("live", "ab"), ("kill", 0), ("promote", 0), ("kill", 0), ("rollback", 0)])
@example(deeds=[("live", "shadow"), ("kill", 0), ("failures", 60), ("live", "shadow first"), ("kill", 0)])
@given(deeds=st.lists(DEEDS, min_size=3, max_size=25))
def test_whatever_happens_the_routes_give_a_version_what_its_plan_says(deeds: list[tuple[str, Any]]) -> None:
    """No order, no failure, no kill and no lack of memory gives a version a share that it was not given, or leaves callers to nobody."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_live(Life(Path(folder)), deeds))
