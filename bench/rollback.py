"""How soon a bad canary is taken out, and how often a healthy one: the gateway's decision function on simulated traffic.

Every run is judged by `lifecycle.serving.rollouts.controller.decide` as the gateway uses it, slot by slot of 100 ms: errors and latency
guarded, alpha 0.01 shared by the two, breaker 5. Beside it, on the very same runs: Flagger's and Argo Rollouts' rules as documented, and
the best rule of their kind at a cadence like ours, tuned on runs of other seeds to at most 1 % false rollbacks.

- `false_clean`, `false_outage`, `false_base5`: the share of healthy canaries that are taken out, of 200 requests per second, 10 % canary,
  watched for ten minutes: at a base rate of 0.5 %; with an outage of 60 s in which half of everybody's requests fail; at a base rate
  of 5 %. `…_at_most` is the upper end of the 95 % interval of Clopper and Pearson.
- `detect_5pct_200rps_s`: the median seconds until a canary is out that fails 5 % of its requests from a random moment of its bake time
  of 120 s; `detect` says the same for other bake times and for a fault that is there from the start.
- `bed`: faults by requests per second and share of the canary: median seconds, share found within 300 s, bad requests of the canary.

Then the same on real processes (`bench.canaries.live`): a gateway with two workers under load, whose canaries go wrong.

- `actuation_p99_ms`: from the decision to the last request that any worker gave to the canary, by the workers' own counters;
  `actuation_by_log_p99_ms`: to the last row of it in the prediction log, by the wall clock.
- `lost`: requests that were answered and are not in the log once; `client_errors_hard`: what callers saw of faults that are the canary's
  alone, its death included; `false_live`: canaries that were taken out though nothing was wrong with them yet.
- `live`: each cell of the sample; with `--full` every fault at every rate and share, which takes half an hour.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from scipy.special import betaincinv

from bench.canaries.live import grid, live_bench, sample
from bench.canaries.rules import DOCUMENTED, Rule, tuned
from bench.canaries.simulation import Run, Scenario, rolled_back_at, simulated
from bench.measuring import Figures, main

CLEAN = Scenario()
#: Wrong labels, a tenth of all in both arms, beside the other two guardrails.
LABELS = Scenario(base=0.10, labelled=True, look_seconds=0.5)
OUTAGE = replace(CLEAN, outage_seconds=60)
BASE5 = replace(CLEAN, base=0.05)
#: Watched for five minutes after the latest begin.
FIVE_PERCENT = Scenario(fault=0.05, seconds=420)

#: The bed: what a fault is, as shares of the events that its guardrail counts. Labels are those of every answer, and come at once.
FAULTS = {
    "error_100pct": Scenario(fault=1.0),
    "error_20pct": Scenario(fault=0.2),
    "error_5pct": Scenario(fault=0.05),
    "slow_20pct": Scenario(fault=0.2, base=0.01, hard=False),
    "wrong_labels_10_to_15pct": Scenario(base=0.10, fault=0.15, labelled=True),
    "stall_300ms_in_10s": Scenario(stall_seconds=0.3, hard=False),
}
#: A subgroup is a fifth of the traffic: its missed approvals rise from 10 % to 30 %.
SUBGROUP = Scenario(base=0.10, fault=0.30, labelled=True)
RATES, WEIGHTS = (50.0, 200.0, 2_000.0), (0.01, 0.10, 0.50)
MOST_FALSE = 0.01
_TUNING_SEED, _FALSE_SEED, _DETECT_SEED, _BED_SEED = 1, 2, 3, 4


def runs_of(scenario: Scenario, seed: int, place: int, rules: tuple[Rule, ...]) -> dict[str, Any]:
    """One run: when each rule and the gateway's controller roll back, after its fault began; the bad requests until then."""
    generator = np.random.default_rng([seed, place])
    run = simulated(scenario, generator)
    ours = rolled_back_at(scenario, run, generator)
    until = run.canary_bad if ours is None else run.canary_bad[: round(ours[0] * 10)]
    found: dict[str, Any] = {"began": run.began, "layer": None if ours is None else ours[1], "bad": int(until.sum())}
    found["ours"] = None if ours is None else ours[0]
    requests, bad = run.per_second()
    return found | {rule.name: rule.rolls_back_at(requests, bad) for rule in rules}


def judged(pool: ProcessPoolExecutor, scenario: Scenario, seed: int, runs: int, rules: tuple[Rule, ...] = ()) -> list[dict[str, Any]]:
    """Many runs of a scenario, each of a seed of its own."""
    return list(pool.map(partial(_run, scenario, seed, rules), range(runs), chunksize=max(1, runs // 64)))


def _run(scenario: Scenario, seed: int, rules: tuple[Rule, ...], place: int) -> dict[str, Any]:
    return runs_of(scenario, seed, place, rules)


def at_most(found: int, runs: int) -> float:
    """The upper end of the 95 % interval of a share. C. Clopper and E. Pearson, Biometrika 26 (1934)."""
    return 1.0 if found == runs else float(betaincinv(found + 1, runs - found, 0.975))


def delays(runs: Iterable[dict[str, Any]], who: str) -> list[float]:
    """Seconds from the begin of the fault to the rollback; infinite where there was none. What was taken out before is left out."""
    told = [(run[who], run["began"]) for run in runs]
    return [float("inf") if at is None else at - began for at, began in told if at is None or at > began]


def summary(found: list[float]) -> Figures:
    median = float(np.median(found)) if found else float("inf")
    return {
        "median_s": round(median, 2) if np.isfinite(median) else None,
        "found": round(float(np.isfinite(found).mean()), 4) if found else None,
    }


def tuned_rule() -> Rule:
    """The rule that would have been chosen on a quiet day: its runs are of other seeds than those that it is judged on."""
    seeds = [np.random.default_rng([_TUNING_SEED, place]) for place in range(400)]
    healthy = [simulated(CLEAN, generator).per_second() for generator in seeds[:200]]
    faulty: list[Run] = [simulated(FIVE_PERCENT, generator) for generator in seeds[200:]]
    return tuned(healthy, [(*run.per_second(), run.began) for run in faulty], MOST_FALSE)


def false_rollbacks(pool: ProcessPoolExecutor, runs: int, rules: tuple[Rule, ...]) -> Figures:
    figures: Figures = {}
    for name, scenario in {"clean": CLEAN, "outage": OUTAGE, "base5": BASE5, "labels": LABELS}.items():
        # Other tools know no labels.
        others = () if scenario.labelled else rules
        found = judged(pool, scenario, _FALSE_SEED, runs, others)
        false = sum(run["ours"] is not None for run in found)
        figures |= {f"false_{name}": round(false / runs, 5), f"false_{name}_at_most": round(at_most(false, runs), 5)}
        figures[f"false_{name}_of_others"] = {
            rule.name: round(sum(run[rule.name] is not None for run in found) / runs, 5) for rule in others
        }
    return figures


def detection(pool: ProcessPoolExecutor, runs: int, rules: tuple[Rule, ...]) -> Figures:
    key = judged(pool, FIVE_PERCENT, _DETECT_SEED, runs, rules)
    others = {
        "random_onset_of_300_s": replace(FIVE_PERCENT, bake_seconds=300.0, seconds=600),
        "random_onset_of_600_s": replace(FIVE_PERCENT, bake_seconds=600.0, seconds=900),
        "from_the_start": replace(FIVE_PERCENT, fault_begins=0.0, seconds=300),
        "20pct_random_onset": replace(FIVE_PERCENT, fault=0.2),
        "2pct_random_onset": replace(FIVE_PERCENT, fault=0.02, seconds=720),
    }
    ours = summary(delays(key, "ours"))
    return {
        "detect_5pct_200rps_s": ours["median_s"],
        "detect_5pct_200rps_found": ours["found"],
        "detect_5pct_200rps_of_others": {rule.name: summary(delays(key, rule.name)) for rule in rules},
        "detect": {name: summary(delays(judged(pool, scenario, _DETECT_SEED, runs), "ours")) for name, scenario in others.items()},
    }


def bed(pool: ProcessPoolExecutor, runs: int) -> Figures:
    """Each fault at each rate and share of the canary."""
    cells: Figures = {}
    for fault, scenario in {**FAULTS, "subgroup_missed_10_to_30pct": SUBGROUP}.items():
        for rate in RATES:
            for weight in WEIGHTS:
                told = rate / 5.0 if scenario is SUBGROUP else rate
                cell = replace(scenario, rate=told, weight=weight, seconds=420, look_seconds=0.5 if scenario.labelled else 0.1)
                found = judged(pool, cell, _BED_SEED, runs)
                bad = float(np.median([run["bad"] for run in found]))
                cells[f"{fault}, {rate:g}/s, {weight:.0%}"] = {**summary(delays(found, "ours")), "bad_requests": bad}
    return cells


def bench(rounds: int, runs: int, cells: int, by_hand: int, full: bool) -> Figures:
    """Simulated rollouts under the gateway's own decision function, beside the rules of other tools; then live ones on a gateway."""
    live = live_bench(grid() if full else sample(), by_hand)
    rule = tuned_rule()
    rules = (*DOCUMENTED, rule)
    with ProcessPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        return {
            "runs": runs,
            "runs_per_cell": cells,
            "tuned_rule": rule.name,
            **false_rollbacks(pool, runs, rules),
            **detection(pool, max(1, min(runs, 400)), rules),
            "bed": bed(pool, cells),
            **live,
        }


if __name__ == "__main__":
    main(
        "rollback",
        bench,
        rounds=1,
        runs=(2_000, "healthy canaries per scenario"),
        cells=(20, "runs per cell of the bed"),
        by_hand=(20, "live rollbacks by hand under heavy traffic"),
        full=(False, "live: every fault at every rate and share"),
    )
