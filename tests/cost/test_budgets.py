"""Budgets: what counts against them, and for how long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.cost.budgets import open_runs, spent, standing
from lifecycle.errors import InvalidDeclaration
from lifecycle.records.bodies.training import TrainingStarted
from lifecycle.records.events import Event, Subject
from lifecycle.records.record import Record
from tests.cost.trainings import DATASET, DAY_US, TRAINER, failed, metering, started, trained


class Monthly(Record):
    """A budget as a declaration has it."""

    amount: float = 10.0
    currency: str = "EUR"
    period_days: int = 30


NOW_US = 100 * DAY_US


def test_failed_runs_are_paid_for_as_well() -> None:
    """What a failed run had used counts like what a finished one used."""
    events = [trained("a", metering(2.0)), failed("b", metering(3.0)), failed("c", None)]
    assert spent(events, since_us=0) == 5.0


def test_what_is_older_than_the_period_does_not_count() -> None:
    """A run that ended 31 days ago has left a budget of 30 days; one of 29 days ago has not."""
    events = [trained("old", metering(4.0), at_us=NOW_US - 31 * DAY_US), trained("new", metering(1.0), at_us=NOW_US - 29 * DAY_US)]
    assert standing(Monthly(), events, NOW_US).spent == 1.0


def test_two_candidates_at_once_do_not_both_find_the_whole_budget() -> None:
    """A run that has started and not ended holds its estimate back from the next one."""
    now = standing(Monthly(), [started("a", cost=8.0, at_us=NOW_US)], NOW_US)
    assert (now.spent, now.reserved, now.left) == (0.0, 8.0, 2.0)


def test_the_end_of_a_run_releases_its_estimate() -> None:
    """Trained or failed, a run that ended counts with what it used and no more with what it was estimated at."""
    events = [started("a", cost=8.0, at_us=NOW_US), trained("a", metering(1.0), at_us=NOW_US)]
    events += [started("b", cost=8.0, at_us=NOW_US), failed("b", metering(0.5), at_us=NOW_US)]
    now = standing(Monthly(), events, NOW_US)
    assert (now.spent, now.reserved) == (1.5, 0.0)


def test_a_start_without_a_training_id_is_closed_by_its_run() -> None:
    """The run joins a start to its end where the writer of the start knew no training id."""
    body = TrainingStarted(dataset_digest=DATASET, options={}, seed=7, device="cpu", estimated_cost=8.0, decision_ids=())
    start = Event.happened(body, subject=Subject(kind="model", name="credit"), actor=TRAINER, environment="local", run_id="run-1", at_us=1)
    assert open_runs([start], since_us=0) == (start,)
    assert open_runs([start, trained("a", metering(1.0), run_id="run-1")], since_us=0) == ()


def test_a_retried_start_is_one_run() -> None:
    """A resumed run that records its start again holds its estimate back once."""
    events = [started("a", cost=3.0, at_us=NOW_US), started("a", cost=3.0, at_us=NOW_US)]
    assert standing(Monthly(), events, NOW_US).reserved == 3.0


def test_a_resumed_run_is_not_held_back_from_itself() -> None:
    """A run that asks again after a crash finds its own estimate free, and that of another run still held."""
    events = [started("a", cost=8.0, at_us=NOW_US), started("b", cost=1.0, at_us=NOW_US)]
    assert standing(Monthly(), events, NOW_US, resuming="a").reserved == 1.0


def test_another_models_end_closes_nothing() -> None:
    """Runs are joined within one model."""
    assert len(open_runs([started("a", name="churn", at_us=1), trained("a", metering())], since_us=0)) == 1


def test_a_run_in_another_currency_is_refused_by_name() -> None:
    """There is no exchange rate: the event and both currencies are named."""
    with pytest.raises(InvalidDeclaration, match=r"metered in USD .* budget is in EUR"):
        standing(Monthly(), [trained("a", metering(1.0, currency="USD"), at_us=NOW_US)], NOW_US)


@given(costs=st.lists(st.floats(min_value=0.0, max_value=1e6), max_size=20), cut=st.integers(min_value=0, max_value=20))
def test_what_is_spent_is_the_sum_of_what_ended_since(costs: list[float], cut: int) -> None:
    """Money is neither made nor lost at the edge of the period."""
    events = [trained(str(at), metering(cost), at_us=at) for at, cost in enumerate(costs)]
    assert spent(events, since_us=cut) == pytest.approx(sum(costs[cut:]))
