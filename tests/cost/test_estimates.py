"""Estimates: what the next run costs, from what the last ones took."""

from __future__ import annotations

import pytest

from lifecycle.cost.estimates import estimate
from lifecycle.cost.prices import DevicePrice, PriceTable
from lifecycle.errors import InvalidDeclaration
from tests.cost.trainings import failed, metering, trained

PRICES = PriceTable(currency="EUR", devices={"cpu": DevicePrice(per_hour=3.6), "cuda": DevicePrice(per_hour=36.0)})


def test_without_a_run_to_go_by_the_estimate_says_that_it_is_assumed() -> None:
    """The assumed seconds are priced, and the basis says what they are."""
    found = estimate(PRICES, [], device="cpu", epochs=10, assumed_seconds=100.0)
    assert (found.seconds, round(found.cost, 9), found.currency, found.runs) == (100.0, 0.1, "EUR", 0)
    assert "assumption" in found.basis


def test_the_median_seconds_per_epoch_scale_with_the_epochs() -> None:
    """Runs of 1, 2 and 9 seconds an epoch make 20 epochs last 40 seconds: an outlier moves nothing."""
    events = [trained(f"run-{seconds:.0f}", metering(seconds=seconds, epochs=10)) for seconds in (10.0, 20.0, 90.0)]
    assert estimate(PRICES, events, device="cpu", epochs=20, assumed_seconds=1.0).seconds == 40.0


def test_only_the_last_five_runs_count() -> None:
    """What was slow before the last five runs is forgotten."""
    events = [trained("slow", metering(seconds=1_000.0))] * 5 + [trained("fast", metering(seconds=10.0))] * 5
    assert estimate(PRICES, events, device="cpu", epochs=10, assumed_seconds=1.0).seconds == 10.0


def test_other_devices_resumed_runs_and_failures_say_nothing() -> None:
    """A run counts only where it was whole, finished and on the same device."""
    events = [
        trained("other", metering(device="cuda", seconds=1.0)),
        trained("resumed", metering(seconds=1.0, resumed=9)),
        failed("failed", metering(seconds=1.0)),
    ]
    assert estimate(PRICES, events, device="cpu", epochs=10, assumed_seconds=50.0).runs == 0


def test_a_device_without_a_price_has_no_estimate() -> None:
    """An unknown device is refused before anything is trained on it."""
    with pytest.raises(InvalidDeclaration, match="no price"):
        estimate(PRICES, [], device="tpu", epochs=1, assumed_seconds=1.0)
