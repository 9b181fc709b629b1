"""Why an order is not taken up: the same on one machine and on a cluster."""

from __future__ import annotations

from lifecycle.errors import Refused
from lifecycle.records.record import Version
from lifecycle.records.rollout import RolloutOrder


def while_another_rolls_out(order: RolloutOrder, rolling: Version) -> Refused:
    """One rollout of a model at a time."""
    return Refused(
        f"{order.model}:{rolling} is being rolled out, so {_named(order)} can't be.",
        "Wait for it to end, or end it: `lifecycle rollback` takes a canary out.",
        ("STATE",),
    )


def serves_already(order: RolloutOrder) -> Refused:
    """What has all of the traffic is given none."""
    return Refused(f"{_named(order)} serves already.", "There is nothing to roll out.", ("STATE",))


def used_up(order: RolloutOrder) -> Refused:
    """A decision allows one rollout, for ever."""
    return Refused(
        f"Decision {order.decision_id} allowed an earlier rollout, and allows no second one.",
        f"Have the gate asked again: `lifecycle deploy {_named(order)}`.",
        ("ADMISSION",),
    )


def _named(order: RolloutOrder) -> str:
    return f"{order.model}:{order.version}"
