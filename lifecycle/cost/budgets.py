"""Budgets: what training has cost in the period that is rolling now, and what is still open.

A period rolls: it is the last so many days before the moment of asking, so that nobody gains by waiting for midnight.
Three things count against it: versions that were trained, runs that failed (they are paid for as well), and runs that were
started and have no end in the ledger yet. Those count with their estimate, or two candidates started at once would each
find the whole budget untouched.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from lifecycle.errors import InvalidDeclaration
from lifecycle.records.bodies.training import Metering, ModelTrained, TrainingFailed, TrainingStarted
from lifecycle.records.events import Event
from lifecycle.records.record import DAY_US, Microseconds, Record

#: The types of event that `standing` and `spent` look at; ask the ledger for these.
SPENDING = ("TrainingStarted", "ModelTrained", "TrainingFailed")


class Budget(Protocol):
    """What training may cost in a period, as a model declares it."""

    @property
    def amount(self) -> float: ...
    @property
    def currency(self) -> str: ...
    @property
    def period_days(self) -> int: ...


class BudgetStanding(Record):
    """Where a budget stands: what is spent, what is held for runs that are open, and what is left."""

    period_started_at_us: Microseconds
    amount: float
    currency: str
    spent: float
    reserved: float

    @property
    def left(self) -> float:
        """What the next run may cost; negative where the period is overspent."""
        return self.amount - self.spent - self.reserved


def standing(budget: Budget, events: Iterable[Event], now_us: Microseconds, *, resuming: str | None = None) -> BudgetStanding:
    """Where a budget stands at a moment, from one model's events of the types `SPENDING`, in ledger order.

    `resuming` is the training id of the run that asks, where it was started before: it is not held back from itself.
    Raises InvalidDeclaration where money was spent in another currency than the budget's: there is no exchange rate here.
    """
    events = tuple(events)
    since_us = max(now_us - budget.period_days * DAY_US, 0)
    for event in events:
        metering = _metering(event)
        if metering is not None and event.occurred_at_us >= since_us and metering.currency != budget.currency:
            raise InvalidDeclaration(
                f"{event.subject} was metered in {metering.currency} (event {event.id}), but its budget is in {budget.currency}.",
                f"Declare the budget in {metering.currency}, or wait until that run is older than {budget.period_days} days.",
            )
    return BudgetStanding(
        period_started_at_us=since_us,
        amount=budget.amount,
        currency=budget.currency,
        spent=spent(events, since_us=since_us),
        reserved=sum(
            event.body.estimated_cost
            for event in open_runs(events, since_us=since_us)
            if isinstance(event.body, TrainingStarted) and (resuming is None or event.body.training_id != resuming)
        ),
    )


def spent(events: Iterable[Event], *, since_us: Microseconds) -> float:
    """What the runs that ended since then have cost, by their own metering."""
    return sum(metering.cost for event in events if event.occurred_at_us >= since_us and (metering := _metering(event)) is not None)


def open_runs(events: Iterable[Event], *, since_us: Microseconds) -> tuple[Event, ...]:
    """The runs that were started since then and have no end yet, in ledger order.

    An end closes the start of its training id, or else of its run. A start that a retry recorded again is one run.
    """
    running: dict[tuple[str, str], Event] = {}
    for event in events:
        body = event.body
        if isinstance(body, TrainingStarted):
            running[event.subject.name, body.training_id or event.run_id or ""] = event
        elif isinstance(body, ModelTrained | TrainingFailed):
            for name in (body.training_id, event.run_id or ""):
                running.pop((event.subject.name, name), None)
    return tuple(event for event in running.values() if event.occurred_at_us >= since_us)


def _metering(event: Event) -> Metering | None:
    return event.body.metering if isinstance(event.body, ModelTrained | TrainingFailed) else None
