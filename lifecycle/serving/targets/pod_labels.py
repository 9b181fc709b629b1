"""What labels say of a rollout on a cluster: read from the logs that its pods keep on the volume, which the controller has as well.

A pod knows one version and calls it its champion: whose answer a row is, its version says. A label may lie in any pod's log, whoever
gave the answer, that of what answers where no version may included.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from lifecycle.records.identity import now_us
from lifecycle.records.record import Microseconds
from lifecycle.records.rollout import RolloutOrder
from lifecycle.serving.rollouts.label_watch import Arms, LabelCounts, LabelWatch
from lifecycle.serving.targets.contract import TargetVersion
from lifecycle.serving.targets.pods import Pods
from lifecycle.serving.targets.telling import canary_of
from lifecycle.serving.targets.workloads import nobodys_name, object_name


class LabelSource(Protocol):
    """What labels say of one rollout."""

    def look(self, steps_us: Sequence[Microseconds], pods: Collection[str], /) -> LabelCounts:
        """By rail and step; the steps began at these times, and these pods answer now. Raises a LifecycleError where that is not known."""


class PodLabels:
    """Those of one rollout, from `since_us` on."""

    def __init__(self, pods: Pods, order: RolloutOrder, champion: TargetVersion | None, since_us: Microseconds) -> None:
        canary = canary_of(order)
        answering = [object_name(order.model, version) for version in (canary, champion) if version is not None]
        begins = tuple(f"{name}-" for name in (*answering, nobodys_name(order.model)))
        arms = Arms(canary.version, None if champion is None else champion.version, canary_arm="champion")
        self._pods = pods
        self._watch = LabelWatch(lambda: pods.logs(order.model, begins), arms, order.plan, since_us)

    def look(self, steps_us: Sequence[Microseconds], pods: Collection[str]) -> LabelCounts:
        """Raises Unavailable where the log of one of these pods is not to be seen here, and like `LabelWatch.look`."""
        self._pods.require_seen(pods)
        return self._watch.look(steps_us, now_us())
