"""What the next training run will cost, from what the last ones took."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from lifecycle.cost.prices import PriceTable
from lifecycle.records.bodies.training import ModelTrained
from lifecycle.records.events import Event
from lifecycle.records.record import Record

#: How many of the last runs count: old ones were of other data and other code.
LAST_RUNS = 5


class Estimate(Record):
    """Seconds and money for a run that has not begun, and what that is inferred from."""

    seconds: float
    cost: float
    currency: str
    runs: int
    basis: str


def estimate(prices: PriceTable, events: Iterable[Event], *, device: str, epochs: int, assumed_seconds: float) -> Estimate:
    """The cost of so many epochs on a device: the median seconds per epoch of the model's last runs on it.

    `events` are one model's, in ledger order. Runs that were resumed say nothing about an epoch and are left out. Without
    a run to go by, `assumed_seconds` is what the whole run is taken to last. Raises InvalidDeclaration for a device without a price.
    """
    meterings = [event.body.metering for event in events if isinstance(event.body, ModelTrained)]
    whole = [run for run in meterings if run.device == device and run.epochs > 0 and run.resumed_from_epoch == 0][-LAST_RUNS:]
    seconds = median(run.seconds / run.epochs for run in whole) * epochs if whole else assumed_seconds
    cost, currency = prices.cost(device, seconds)
    basis = f"the median of the last {len(whole)} runs on {device}" if whole else f"an assumption: nothing was trained on {device} yet"
    return Estimate(seconds=seconds, cost=cost, currency=currency, runs=len(whole), basis=basis)
