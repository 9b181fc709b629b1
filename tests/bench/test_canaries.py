"""The simulation behind `bench.rollback`: its traffic, the rules of other tools, and that the gateway's own decision judges it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.canaries import simulation
from bench.canaries.rules import DOCUMENTED, Rule, tuned
from bench.canaries.simulation import Run, Scenario, rolled_back_at, simulated, stays_far_off
from lifecycle.serving.rollouts.guardrails import Watching
from lifecycle.serving.rollouts.seen import Observed, StageCounts, View

SHORT = Scenario(seconds=60, bake_seconds=10.0)


def run_of(scenario: Scenario, seed: int = 5) -> tuple[Run, np.random.Generator]:
    generator = np.random.default_rng(seed)
    return simulated(scenario, generator), generator


def test_traffic_comes_at_the_rate_and_falls_by_the_weight() -> None:
    """In a minute of 200 requests per second, a canary of ten per cent gets about 1,200 of 12,000."""
    run, _ = run_of(SHORT)
    assert run.canary.sum() == pytest.approx(1_200, rel=0.15)
    assert run.canary.sum() + run.control.sum() == pytest.approx(12_000, rel=0.05)
    assert (run.canary_bad + run.canary_slow <= run.canary).all()


def test_an_outage_is_everybodys_and_a_fault_the_canarys() -> None:
    """An outage raises the bad events of both arms; a fault those of the canary alone, once it has begun."""
    out, _ = run_of(replace(SHORT, outage_seconds=50))
    assert out.control_bad.sum() > 0.2 * out.control.sum()
    faulty, _ = run_of(replace(SHORT, fault=0.5, fault_begins=30.0))
    assert faulty.control_bad.sum() < 0.02 * faulty.control.sum()
    assert faulty.canary_bad[:300].sum() < 0.02 * faulty.canary[:300].sum() + 3
    assert faulty.canary_bad[300:].sum() > 0.4 * faulty.canary[300:].sum()


def test_the_gateways_own_decision_takes_a_bad_canary_out_and_leaves_a_good_one() -> None:
    """A canary that fails half of its requests is out within ten seconds; one without a fault is not."""
    run, generator = run_of(replace(SHORT, fault=0.5, fault_begins=5.0))
    found = rolled_back_at(replace(SHORT, fault=0.5), run, generator)
    assert found is not None
    assert 5.0 < found[0] < 15.0
    healthy, generator = run_of(SHORT)
    assert rolled_back_at(SHORT, healthy, generator) is None


def test_what_is_no_failure_trips_no_breaker() -> None:
    """Wrong labels in a row are found by their guardrail, not by the breaker for failures."""
    scenario = replace(SHORT, fault=1.0, fault_begins=5.0, hard=False)
    run, generator = run_of(scenario)
    found = rolled_back_at(scenario, run, generator)
    assert found is not None
    assert found[1] == "errors"


def test_a_rule_counts_failed_intervals() -> None:
    """It rolls back with the interval that is one too many; intervals without a request are no measurement."""
    requests, bad = np.array([10, 10, 0, 10, 10]), np.array([1, 0, 0, 1, 1])
    assert Rule("r", 1, 0.95, 2).rolls_back_at(requests, bad) == 4.0
    assert Rule("r", 1, 0.95, 4).rolls_back_at(requests, bad) is None
    assert Rule("r", 2, 0.95, 1).rolls_back_at(requests, bad) == 4.0
    assert Rule("r", 2, 0.96, 1).rolls_back_at(requests, bad) == 2.0


def test_a_rule_is_tuned_to_few_false_rollbacks_first() -> None:
    """Of the rules that leave the healthy canaries alone, the one that finds the faults soonest is taken."""
    healthy = [(np.full(60, 20), np.zeros(60, dtype=np.int64)) for _ in range(3)]
    faulty = [(np.full(60, 20), np.r_[np.zeros(30, dtype=np.int64), np.full(30, 2)], 30.0)]
    chosen = tuned(healthy, faulty, 0.0)
    assert all(chosen.rolls_back_at(*run) is None for run in healthy)
    assert chosen.rolls_back_at(*faulty[0][:2]) == 31.0
    assert [rule.interval_seconds for rule in DOCUMENTED] == [60, 300]


@pytest.mark.parametrize("scenario", [SHORT, replace(SHORT, base=0.05), replace(SHORT, outage_seconds=20), replace(SHORT, fault=0.05)])
def test_what_is_passed_over_would_not_have_been_taken_out(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """The decision function, asked about every run, takes out those that it is asked about in any case, and no other."""
    seeds = range(12)
    passed_over = [stays_far_off(scenario, run_of(scenario, seed)[0]) for seed in seeds]
    monkeypatch.setattr(simulation, "stays_far_off", lambda *_: False)
    taken_out = [rolled_back_at(scenario, *run_of(scenario, seed)) is not None for seed in seeds]
    assert not any(passed and out for passed, out in zip(passed_over, taken_out, strict=True))


def test_the_evidence_of_all_slots_at_once_is_that_of_one_after_the_other() -> None:
    """The quick way gives what the guardrails make of the same slots."""
    run, _ = run_of(replace(SHORT, fault=0.05, fault_begins=20.0))
    plan = simulation.plan_of(SHORT)
    view = View([StageCounts(SHORT.weight, Observed(), Observed())], -1.0, 0, has_champion=True)
    watching, highest = Watching().after(plan, view), -np.inf
    bad, beside = np.cumsum(run.canary_bad), np.cumsum(run.control_bad)
    for place in np.flatnonzero(run.canary_bad + run.control_bad).tolist():
        counts = StageCounts(SHORT.weight, Observed(10_000, int(bad[place])), Observed(90_000, int(beside[place])))
        view = replace(view, stages=[counts], now_seconds=(place + 1) * SHORT.look_seconds * (1.0 + 1e-9))
        watching = watching.after(plan, view)
        highest = max(highest, watching.rails[0].evidence.log_value)
    assert simulation._highest_evidence(SHORT, run.canary_bad, run.control_bad) == pytest.approx(highest, abs=1e-4)


def test_wrong_labels_of_a_simulated_canary_take_it_out() -> None:
    """A canary whose labels say that it is wrong four times as often is out by the guardrail on labels; a healthy one stays."""
    scenario = replace(SHORT, base=0.10, labelled=True, look_seconds=0.5)
    run, generator = run_of(replace(scenario, fault=0.4, fault_begins=5.0))
    found = rolled_back_at(replace(scenario, fault=0.4), run, generator)
    assert found is not None
    assert found[1] == "wrong_labels"
    assert rolled_back_at(scenario, *run_of(scenario)) is None
