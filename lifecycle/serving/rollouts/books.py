"""The gateway's books: what is decided (journal), what is in force (routes), what was seen (counters). All changes go through here.

Nothing in here waits for anything but the disk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import blake2b

from lifecycle.errors import Unavailable, UnknownName
from lifecycle.records.bodies import Body
from lifecycle.records.bodies.serving import RolledBack
from lifecycle.records.events import Event
from lifecycle.records.record import Digest
from lifecycle.records.rollout import ArmCounts
from lifecycle.serving.allowed.used_decisions import UsedDecisions
from lifecycle.serving.answering.counters import CELLS, REFERRAL_CELL, CellCounts, Counters, total
from lifecycle.serving.answering.routes import SLOTS, Route, RouteTable, as_weight
from lifecycle.serving.rollouts.delivery import Delivery
from lifecycle.serving.rollouts.gauges import DECIDED, Decided, ModelGauges
from lifecycle.serving.rollouts.journal import Journal
from lifecycle.serving.rollouts.rollout_events import about, mark, observed, since
from lifecycle.serving.rollouts.state import ArmMark, FinishedRollout, ModelState, RolloutState, SealedStream, ServedVersion
from lifecycle.serving.rollouts.status import Looked, RolloutStatus
from lifecycle.serving.supervision.reporting import rollout_status


class Books:
    """One gateway's books, kept by its supervisor alone."""

    def __init__(
        self,
        environment: str,
        journal: Journal,
        used: UsedDecisions,
        table: RouteTable,
        counters: Callable[[], Sequence[Counters]],
        delivery: Delivery,
    ) -> None:
        #: Why a version that should serve does not, by model.
        self.faults: dict[str, str] = {}
        #: What the latest look at each rollout under way has found, by rollout.
        self.looked: dict[str, Looked] = {}
        #: Why nobody is answered at all; "" where the gateway answers.
        self.closed = ""
        self._environment = environment
        self._decided: Counter[tuple[str, Decided]] = Counter()
        self._journal = journal
        self._used = used
        self._table = table
        self._counters = counters
        self._delivery = delivery

    # What is decided.

    @property
    def models(self) -> tuple[ModelState, ...]:
        return self._journal.state.models

    def find(self, model: str) -> ModelState | None:
        return self._journal.state.model(model)

    def model(self, model: str) -> ModelState:
        """Raises UnknownName."""
        state = self.find(model)
        if state is None:
            raise UnknownName(f"The gateway serves no model {model!r}.", "`lifecycle gateway status` lists what it serves.")
        return state

    def rolling(self, rollout_id: str) -> ModelState | None:
        """The model that this rollout is under way on."""
        return self._journal.state.rolling(rollout_id)

    def finished(self, rollout_id: str) -> FinishedRollout | None:
        return self._journal.state.ended(rollout_id)

    def used_up(self, decision_id: str) -> bool:
        """Whether this decision has allowed a rollout here, ever."""
        return decision_id in self._used

    def use_up(self, decision_id: str) -> None:
        """Lets this decision allow no further rollout. Raises Unavailable where the disk does not take that."""
        self._used.add(decision_id)

    def rolled_back(self, rollback_id: str) -> RolledBack | None:
        return self._journal.state.went_back(rollback_id)

    def commit(
        self,
        state: ModelState,
        *events: tuple[ServedVersion, str | None, Body],
        finished: FinishedRollout | None = None,
        rolled_back: RolledBack | None = None,
        in_force: bool = False,
    ) -> None:
        """Makes a change of one model durable, with the events that tell of it: (version, run, body).

        Raises Unavailable where the disk does not take it; a change that is in force is kept until the disk does.
        """
        whole = self._journal.state.with_model(state)
        if finished is not None:
            whole = whole.with_finished(finished)
        if rolled_back is not None:
            whole = whole.with_rolled_back(rolled_back)
        told = [
            about(body, model=state.model, version=version, environment=self._environment, run_id=run_id)
            for version, run_id, body in events
        ]
        self._journal.commit(whole, told, in_force=in_force)
        self._decided.update((state.model, DECIDED[type(body)]) for _, _, body in events if type(body) in DECIDED)
        self._delivery.wake()

    def stream(self, model: str) -> SealedStream | None:
        """How far the rows of a model are sealed, where any are."""
        return self._journal.state.stream(model)

    def commit_seal(self, stream: SealedStream, event: Event) -> None:
        """Has the event of a seal entered in the ledger, and notes that it is on its way. Raises Unavailable like `commit`."""
        self._journal.commit(self._journal.state.with_sealed(stream), [event])
        self._delivery.wake()

    @property
    def refusal_stream(self) -> SealedStream | None:
        """How far the log of refused requests is sealed, where any of it is."""
        return self._journal.state.refusals

    def commit_refusals(self, stream: SealedStream, event: Event) -> None:
        """The same as `commit_seal`, for refused requests. Raises Unavailable like `commit`."""
        self._journal.commit(self._journal.state.model_copy(update={"refusals": stream}), [event])
        self._delivery.wake()

    def rollout(self, rollout_id: str) -> RolloutStatus:
        """How far a rollout is, or how it ended. Raises UnknownName."""
        state = self.rolling(rollout_id)
        if state is not None:
            return rollout_status(state, self.looked_at(state.rollout))
        ended = self.finished(rollout_id)
        if ended is None:
            raise UnknownName(
                f"The gateway knows no rollout {rollout_id!r}.", "`lifecycle gateway status` shows the rollouts that it knows."
            )
        return ended.status()

    def looked_at(self, rollout: RolloutState | None) -> Looked:
        """What the latest look at a rollout has found; nothing before the first."""
        return Looked() if rollout is None else self.looked.get(rollout.rollout_id, Looked())

    # What is in force.

    def take_canary_out(self, state: ModelState) -> Route:
        """Gives all of a model's traffic to its champion, at every worker's next request."""
        return self._table.write(state.slot, self._table.read(state.slot).without_canary())

    def put_in_force(self, state: ModelState) -> Route:
        """Puts a model's state into the routes; its canary only while the rollout says that its process is ready."""
        champion = None if state.model in self.faults else state.champion
        rollout, holdout = state.rollout, state.holdout
        route = Route(
            champion=0 if champion is None else champion.version,
            champion_cell=0 if champion is None else champion.cell,
            refers=state.refers,
            backup=state.standby[0].version if state.standby else 0,
        )
        if holdout is not None:
            route = replace(
                route,
                holdout=holdout.version.version,
                holdout_cell=holdout.version.cell,
                holdout_weight=as_weight(holdout.share),
                holdout_salt=_salt(f"holdout {holdout.rollout_id}"),
            )
        if rollout is not None and rollout.takes_traffic and state.rollback is None:
            route = replace(
                route,
                weight=as_weight(rollout.stages[-1].weight),
                canary=rollout.canary.version,
                canary_cell=rollout.canary.cell,
                slow_us=rollout.slow_us,
                copies=rollout.copies,
                salt=_salt(rollout.rollout_id),
            )
        if self.closed:
            route = Route(refers=state.refers, closed=True)
        return self._table.write(state.slot, route)

    def close(self, why: str) -> None:
        """Has nobody be answered any more, at every worker's next request, for this reason; "" opens again."""
        before, self.closed = self.closed, why
        if bool(before) != bool(why):
            for state in self.models:
                self.put_in_force(state)

    # What was seen.

    def counts(self, state: ModelState, version: ServedVersion | None) -> CellCounts:
        """What a version answered, over all workers; for None, what no version might answer."""
        return total(self._counters(), state.slot, REFERRAL_CELL if version is None else version.cell)

    def seen(self, state: ModelState) -> tuple[ArmCounts, ...]:
        """What both arms answered since the rollout's first step; without a rollout, since the champion has had its cell."""
        control = mark(self.counts(state, state.champion))
        rollout = state.rollout
        if rollout is None or not rollout.stages:
            return observed(state, 0.0, None, ArmMark() if rollout is not None else control)
        first, canary = rollout.stages[0], mark(self.counts(state, rollout.canary))
        return observed(state, rollout.stages[-1].weight, since(first.canary, canary), since(first.control, control))

    def copies_dropped(self, state: ModelState) -> int:
        """The copies that shadows of a model did not take, over all workers."""
        return sum(counters.copies_dropped(state.slot) for counters in self._counters())

    def judged(self, state: ModelState) -> ModelGauges:
        """What the controller has made of a model since the gateway started."""
        rollout = state.rollout
        return ModelGauges(
            model=state.model,
            version=None if rollout is None else rollout.canary.version,
            guardrails=self.looked_at(rollout).guardrails,
            decided={what: times for (model, what), times in sorted(self._decided.items()) if model == state.model},
        )

    def rows_dropped(self, model: str) -> int:
        """The rows of a model, declared as best effort, that its prediction log does not have, over all workers."""
        state = self.find(model)
        return 0 if state is None else sum(counters.rows_dropped(state.slot) for counters in self._counters())

    # Places.

    def free_slot(self) -> int:
        """A place for a model that is new here; its rows are counted from nothing. Raises Unavailable where the table is full."""
        taken = {state.slot for state in self.models}
        free = next((slot for slot in range(SLOTS) if slot not in taken), None)
        if free is None:
            raise Unavailable(f"One gateway serves at most {SLOTS} models.", "Run another gateway for more.")
        for counters in self._counters():
            counters.clear_slot(free)
        return free

    def placed(self, state: ModelState, version: int, digest: Digest) -> ServedVersion:
        """The version with a cell for its counts: the one it had while it served before, or a free one, emptied."""
        before = next((kept for kept in state.versions if kept.version == version and kept.digest == digest), None)
        if before is not None:
            return before
        taken = {kept.cell for kept in state.versions}
        cell = next(cell for cell in range(REFERRAL_CELL + 1, CELLS) if cell not in taken)
        for counters in self._counters():
            counters.clear(state.slot, cell)
        return ServedVersion(version=version, digest=digest, cell=cell)


def _salt(of: str) -> bytes:
    return blake2b(of.encode(), digest_size=8).digest()
