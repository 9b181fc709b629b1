"""What a version's pods count, read from their metrics, whatever the cluster says that it routes.

A pod that ends takes its counts along: what it had counted at the last look is kept. A process in a pod that starts again counts
from nothing: its counts are added to what it had before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from lifecycle.errors import MalformedRecord
from lifecycle.serving.answering.counters import LATENCY_BOUNDS_US
from lifecycle.serving.answering.metrics import DURATION
from lifecycle.serving.rollouts.seen import Observed

_SAMPLE = re.compile(r"^(?P<name>[a-z_]+)\{(?P<labels>[^}]*)\} (?P<value>\d+)(?:\.0)?$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


def observed_in(exposition: str, model: str, version: int, slower_than_us: int) -> Observed:
    """What one pod has answered of a version, over all arms, as its metrics (Prometheus text 0.0.4) tell.

    An answer counts as slow where it lies above the largest bound of the histogram that is at most `slower_than_us`: both arms
    are held to the same bound, so what is compared stays comparable. Raises MalformedRecord where these are not the gateway's metrics.
    """
    edge = f"{max((bound for bound in LATENCY_BOUNDS_US if bound <= slower_than_us), default=LATENCY_BOUNDS_US[0]) / 1e6:g}"
    requests = errors = answered = fast = 0
    if "lifecycle_inference_requests_total" not in exposition:
        raise MalformedRecord("What a pod says of itself are not the metrics of a gateway.", "Run the gateway's image in it.")
    for sample in _SAMPLE.finditer(exposition):
        labels = dict(_LABEL.findall(sample["labels"]))
        if labels.get("model") != model or labels.get("version") != str(version):
            continue
        value = int(sample["value"])
        match sample["name"]:
            case "lifecycle_inference_requests_total":
                requests += value
            case "lifecycle_inference_errors_total":
                errors += value
            case name if name == f"{DURATION}_count":
                answered += value
            case name if name == f"{DURATION}_bucket" and labels.get("le") == edge:
                fast += value
    return Observed(requests, errors, answered - fast if slower_than_us else 0)


@dataclass
class PodCounts:
    """One version's counts over all pods that it ever had since this was made."""

    #: By pod, as it counted at the last look.
    _latest: dict[str, Observed] = field(default_factory=dict)
    #: What processes had counted that have started again since.
    _before: Observed = field(default_factory=Observed)
    _streak: int = 0

    def look(self, pods: Mapping[str, Observed]) -> Observed:
        """Takes in what each pod (by its unique id) counts now; returns the sum."""
        was = self.total
        for pod, now in pods.items():
            earlier = self._latest.get(pod, Observed())
            if now.requests < earlier.requests or now.errors < earlier.errors:
                self._before += earlier
            self._latest[pod] = now
        came = self.total.since(was)
        if came.requests:
            self._streak = self._streak + came.errors if came.errors == came.requests else 0
        return self.total

    @property
    def streak(self) -> int:
        """At least so many failures in a row stand: every answer since some look was one."""
        return self._streak

    @property
    def total(self) -> Observed:
        return sum(self._latest.values(), self._before)
