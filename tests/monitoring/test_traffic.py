"""The window: which rows are a version's own, and which are its failures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.errors import MalformedRecord
from lifecycle.monitoring.traffic import traffic_of
from tests.monitoring.answers import START_US, row


def test_a_canarys_failure_stands_in_the_row_of_the_champion_that_answered() -> None:
    """The champion has its answer, the canary its failure, and the request is counted once for each."""
    rows = [row("a", version=1, fallback_from=2), row("b", version=2)]
    champion, canary = (traffic_of(rows, version=version, from_us=0, to_us=2 * START_US) for version in (1, 2))
    assert (champion.requests, champion.failed) == (1, 0)
    assert (canary.requests, canary.failed) == (2, 1)


def test_a_request_that_nobody_could_answer_is_a_failure() -> None:
    """A failed row of the version has no answer and counts as a failure."""
    traffic = traffic_of([row("a", probability=None, outcome="failed")], version=1, from_us=0, to_us=2 * START_US)
    assert (traffic.requests, traffic.failed, len(traffic.answered)) == (1, 1, 0)


def test_the_end_of_a_window_is_the_start_of_the_next() -> None:
    """A row at the edge is in exactly one of two windows that meet there."""
    rows = [row("a", at_us=START_US)]
    assert traffic_of(rows, version=1, from_us=START_US - 5, to_us=START_US).requests == 0
    assert traffic_of(rows, version=1, from_us=START_US, to_us=START_US + 5).requests == 1


def test_erased_inputs_are_counted_and_left_out() -> None:
    """An answer whose input was erased keeps its latency and its probability."""
    traffic = traffic_of([row("a"), row("b", values={"age": 30.0})], version=1, from_us=0, to_us=2 * START_US)
    assert (traffic.erased, traffic.inputs(("age", "income"))) == (1, {"age": [30.0], "income": [None]})
    assert len(traffic.latencies_ms()) == 2


@pytest.mark.parametrize("field", ["at_us", "version", "fallback_from", "latency_us", "values", "label"])
def test_a_row_that_is_not_one_is_named(field: str) -> None:
    """A missing field is a MalformedRecord that says which row and which field."""
    broken = {name: value for name, value in row("row-7").items() if name != field}
    with pytest.raises(MalformedRecord, match="row-7") as raised:
        traffic_of([broken], version=1, from_us=0, to_us=2 * START_US)
    assert field in raised.value.what


@given(
    st.lists(
        st.tuples(st.sampled_from((1, 2, None)), st.sampled_from((1, 2, None)), st.sampled_from(("answered", "failed", "referred"))),
        max_size=40,
    )
)
def test_every_row_is_counted_for_the_version_that_it_is_about(drawn: list[tuple[int | None, int | None, str]]) -> None:
    """Requests of a version are its own rows and those that it failed before another answered; none is lost or counted twice."""
    rows = [
        row(str(position), version=version, outcome=outcome, fallback_from=fallback)
        for position, (version, fallback, outcome) in enumerate(drawn)
    ]
    for version in (1, 2):
        own = sum(one["version"] == version for one in rows)
        failed_before = sum(one["fallback_from"] == version for one in rows)
        assert traffic_of(rows, version=version, from_us=0, to_us=2 * START_US).requests == own + failed_before
