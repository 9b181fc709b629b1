"""One controller at a time: a Lease of the cluster, held as client-go's leader election holds one.

A holder that is gone is found by its lease not having been renewed for as long as it lasts, by the clock of whoever watches:
nobody's clock is compared with another's. A holder that was only slow, and writes after all, is stopped by the resource version of
what it writes: who takes the lease over changes that first.
"""

from __future__ import annotations

import datetime as dt
import time

from lifecycle.errors import Refused
from lifecycle.serving.targets.contract import Moved
from lifecycle.serving.targets.kubernetes_api import LEASE, KubernetesApi, Manifest


class Lease:
    """The right to change what serves of one model."""

    def __init__(self, api: KubernetesApi, name: str, holder: str, seconds: int) -> None:
        self._api = api
        self._name = name
        self._holder = holder
        self._seconds = seconds
        self._renewed = float("-inf")
        #: The holder's lease as it was last seen, and since when it has stood unchanged.
        self._seen: tuple[str, float] = ("", float("-inf"))

    def hold(self) -> None:
        """Takes it, or renews it where a third of its time is over. Raises Refused while another holder renews it."""
        if time.monotonic() - self._renewed < self._seconds / 3:
            return
        found = self._api.find(LEASE, self._name)
        try:
            if found is None:
                self._api.create(self._manifest(0), LEASE)
            else:
                self._take(found)
        except Moved as error:
            self._renewed = float("-inf")
            raise self._refusal("another controller") from error
        self._renewed = time.monotonic()

    def let_go(self) -> None:
        """Gives it back, where it is still held."""
        found = self._api.find(LEASE, self._name)
        if found is not None and found["spec"].get("holderIdentity") == self._holder:
            self._api.merge({**self._manifest(0), "spec": {"holderIdentity": ""}}, LEASE, found["metadata"]["resourceVersion"])
        self._renewed = float("-inf")

    def _take(self, found: Manifest) -> None:
        spec, revision = found["spec"], str(found["metadata"]["resourceVersion"])
        holder = spec.get("holderIdentity") or ""
        if holder not in ("", self._holder):
            if self._seen[0] != revision:
                self._seen = (revision, time.monotonic())
            if time.monotonic() - self._seen[1] < float(spec.get("leaseDurationSeconds") or self._seconds):
                self._renewed = float("-inf")
                raise self._refusal(holder)
        transitions = int(spec.get("leaseTransitions") or 0) + (holder != self._holder)
        self._api.merge(self._manifest(transitions), LEASE, revision)

    def _manifest(self, transitions: int) -> Manifest:
        now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.kind,
            "metadata": {"name": self._name, "labels": {"app.kubernetes.io/part-of": "lifecycle"}},
            "spec": {
                "holderIdentity": self._holder,
                "leaseDurationSeconds": self._seconds,
                "renewTime": now,
                "leaseTransitions": transitions,
            },
        }

    def _refusal(self, holder: str) -> Refused:
        return Refused(
            f"{holder} drives rollouts of this model at the moment (lease {self._name}).",
            f"Wait for it to end; if it has died, its lease is over after {self._seconds} s.",
            ("STATE",),
        )
