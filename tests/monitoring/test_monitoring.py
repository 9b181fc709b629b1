"""Watching a version over a window: what is recorded, and what the report says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lifecycle.errors import InvalidDeclaration
from lifecycle.monitoring.monitoring import Monitored, report_window
from lifecycle.monitoring.yardstick import Yardstick
from lifecycle.records.bodies.serving import MonitoringReported
from lifecycle.records.record import digest_of
from tests.monitoring.answers import CATEGORIES, END_US, NUMBERS, START_US, Watched, labelled, reference, row, rows


def watch(
    made: list[dict[str, Any]],
    *,
    limits: Watched | None = None,
    version: int = 1,
    trained_on: pd.DataFrame | None = None,
    reference_probabilities: Any = None,
) -> Monitored:
    return report_window(
        made,
        model="credit",
        version=version,
        from_us=START_US,
        to_us=END_US,
        yardstick=Yardstick(
            reference() if trained_on is None else trained_on, NUMBERS, CATEGORIES, "good", probabilities=reference_probabilities
        ),
        watch=limits or Watched(),
    )


def verdict(monitored: Monitored, guardrail: str) -> str:
    return next(one.verdict for one in monitored.body.verdicts if one.guardrail == guardrail)


@pytest.fixture(scope="module")
def calm() -> Monitored:
    """A window in which nothing has changed."""
    return watch(rows())


def test_a_calm_window_holds(calm: Monitored) -> None:
    """Traffic like the training rows breaches nothing."""
    assert calm.breached == ()
    assert {one.verdict for one in calm.body.verdicts} == {"holds"}
    assert set(calm.body.psi) == {*NUMBERS, *CATEGORIES}


def test_the_body_names_the_reports_by_digest(calm: Monitored) -> None:
    """What is recorded is the digest of exactly the bytes that are returned, and it survives the ledger's canonical form."""
    assert calm.html is not None
    assert calm.json is not None
    assert (calm.body.report_html_digest, calm.body.report_json_digest) == (digest_of(calm.html), digest_of(calm.json))
    assert MonitoringReported.parse(calm.body.canonical()) == calm.body


def test_the_page_loads_nothing_from_anywhere(calm: Monitored) -> None:
    """No script, style or font of the page comes from outside it."""
    assert calm.html is not None
    page = calm.html.decode()
    assert "<script src=" not in page
    assert "<link" not in page
    assert "<h1>credit:1, watched</h1>" in page


def test_income_that_moved_is_drift() -> None:
    """A shift of two standard deviations breaches drift; it does not touch errors or latency."""
    moved = watch(rows(moved=80.0))
    assert moved.breached == ("drift",)
    assert moved.body.psi["income"] > 0.2 > moved.body.psi["age"]


def test_slow_answers_breach_latency() -> None:
    """300 ms at the 99th percentile is past 250."""
    assert watch(rows(latency_us=300_000)).breached == ("latency_p99_ms",)


def test_a_canary_that_fails_breaches_errors() -> None:
    """Failures that the champion answered in its place are the canary's."""
    made = rows(200, version=2) + [row(f"f{position}", version=1, fallback_from=2) for position in range(60)]
    canary = watch(made, version=2)
    assert verdict(canary, "errors") == "breached"
    assert canary.body.rows == 260


def test_answers_that_moved_are_an_output_shift() -> None:
    """Against what the version gives for rows that it was not trained on; without those it is not judged."""
    low = np.random.default_rng(5).uniform(0.0, 0.3, 1_000)
    assert verdict(watch(rows(), reference_probabilities=low), "output_shift") == "breached"
    same = np.random.default_rng(6).uniform(0.05, 0.95, 1_000)
    assert verdict(watch(rows(), reference_probabilities=same), "output_shift") == "holds"


def test_outcomes_that_are_known_are_measured_with_intervals() -> None:
    """Accuracy is that of what was decided, it has an interval, and a limit above it is breached."""
    monitored = watch(labelled(rows(), right=0.7), limits=Watched(accuracy_limit=0.8))
    quality: Any = monitored.body.summary["quality"]
    assert quality["accuracy"]["low"] < 0.7 < quality["accuracy"]["high"] < 0.8
    assert verdict(monitored, "accuracy") == "breached"
    assert monitored.body.labelled_rows == 600
    assert monitored.html is not None
    assert b"what turned out to be true" in monitored.html


def test_an_empty_window_says_so() -> None:
    """No traffic is no report and no breach."""
    empty = watch([])
    assert (empty.html, empty.json, empty.breached) == (None, None, ())
    assert {one.verdict for one in empty.body.verdicts} == {"not_enough_data"}


def test_erased_inputs_leave_the_other_verdicts_standing() -> None:
    """Where every input was erased, drift can't be told and everything else can."""
    erased = watch([{**one, "values": None} for one in rows()])
    assert verdict(erased, "drift") == "not_enough_data"
    assert verdict(erased, "latency_p99_ms") == "holds"
    assert "erased" in str(erased.body.summary["report_missing"])


def test_a_column_that_nobody_sends_any_more_is_drift() -> None:
    """A feature that is missing from every request is the largest shift there is, and the report is still drawn."""
    silent = watch([{**one, "values": {**one["values"], "age": None}} for one in rows()])
    assert verdict(silent, "drift") == "breached"
    assert silent.body.summary["report_missing"] == ""


def test_a_category_that_is_new_is_drift() -> None:
    """A value that training never saw is a bin of its own."""
    assert watch([{**one, "values": {**one["values"], "home": "houseboat"}} for one in rows()]).body.psi["home"] > 1.0


def test_a_reference_without_a_column_is_refused_by_name() -> None:
    """The wrong dataset is an error that names the column."""
    with pytest.raises(InvalidDeclaration, match="trained on have no column age"):
        watch([], trained_on=reference().drop(columns="age"))


RECORD = """
from tests.monitoring.test_monitoring import watch
from tests.monitoring.answers import labelled, rows
from lifecycle.records.record import digest_of
print(digest_of(watch(labelled(rows(), right=0.7)).json))
"""


@pytest.mark.slow
def test_the_record_of_a_report_is_the_same_in_every_process() -> None:
    """Two processes that hash strings differently write the same record, byte for byte."""
    found = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", RECORD], env=environment, capture_output=True, text=True, timeout=120, check=True)
        found.add(done.stdout.strip())
    assert len(found) == 1
    assert json.dumps(found.pop()).startswith('"sha256:')
