"""Cron schedules as they are declared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.records.cron import checked_cron


@pytest.mark.parametrize(
    "schedule", ["0 3 * * 1", "*/5 * * * *", "0 0 1,15 * *", "30 2-6/2 * JAN-mar Mon-Fri", "0 0 29 2 *", "0 0 * * 7", "0 0 31 2 1"]
)
def test_what_comes_is_taken(schedule: str) -> None:
    """Lists, ranges, steps and names are taken as they are."""
    assert checked_cron(schedule) == schedule


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ("99 99 * * *", "minute: '99' is not within 0 and 59"),
        ("0 24 * * *", "hour: '24' is not within 0 and 23"),
        ("0 0 0 * *", "day: '0' is not within 1 and 31"),
        ("0 0 * 13 *", "month: '13' is not within 1 and 12, or jan"),
        ("0 0 * * 8", "weekday: '8' is not within 0 and 7, or sun"),
        ("0 0 * * xyz", "weekday: 'xyz'"),
        ("*/0 * * * *", "minute: the step"),
        ("*/99 * * * *", "minute: the step"),
        ("5-1 * * * *", "minute: the range '5-1' runs backwards"),
        ("1,,2 * * * *", "minute: '' is not"),
        ("-1 * * * *", "minute: '-1' is not"),
        ("hourly", "five fields"),
        ("0 0 * * * *", "five fields"),
        ("", "five fields"),
        ("0 0 30 2 *", "never comes"),
        ("0 0 31 4,jun *", "never comes"),
    ],
)
def test_what_is_refused_is_told_with_what_is_allowed(schedule: str, said: str) -> None:
    """The error names the field of the schedule and its range."""
    with pytest.raises(ValueError, match=said):
        checked_cron(schedule)


@given(st.lists(st.text(alphabet="0123456789*/,-", min_size=1, max_size=6), min_size=5, max_size=5).map(" ".join))
def test_the_scheduler_takes_whatever_is_taken_here(schedule: str) -> None:
    """No declaration passes here that Dagster refuses later."""
    import dagster as dg

    try:
        checked_cron(schedule)
    except ValueError:
        return
    dg.ScheduleDefinition(name="any", target="*", cron_schedule=schedule)
