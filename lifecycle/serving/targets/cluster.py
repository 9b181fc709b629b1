"""A model's versions on a Kubernetes cluster: their workloads, the one route, the lease, and what their pods count."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass

from lifecycle.errors import MalformedRecord, Unavailable
from lifecycle.serving.targets.contract import Counted, Moved, Placed, Placement, TargetVersion
from lifecycle.serving.targets.http_route import accepted, placed_in, route_manifest
from lifecycle.serving.targets.kubernetes_api import DEPLOYMENT, HTTP_ROUTE, KubernetesApi, Manifest
from lifecycle.serving.targets.lease import Lease
from lifecycle.serving.targets.observing import PodCounts, observed_in
from lifecycle.serving.targets.workloads import PORT, Workload, deployment_not_ready, nobody, nobodys_name, slug

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ClusterPace:
    """How long the cluster is waited for."""

    #: A version that is not ready by then is not rolled out.
    ready_seconds: float = 300.0
    #: For how long the gateways may take to say that they have taken a route in.
    propagation_seconds: float = 30.0
    #: How often the cluster is asked while something is waited for.
    poll_seconds: float = 0.5
    #: How long another controller waits for one that has died.
    lease_seconds: int = 15


class ClusterTarget:
    """One model in one namespace. See `contract.Target`."""

    def __init__(
        self, api: KubernetesApi, workload: Workload, model: str, gateway: str, holder: str, pace: ClusterPace | None = None
    ) -> None:
        self._pace = pace or ClusterPace()
        self._api = api
        self._workload = workload
        self._model = model
        self._gateway = gateway
        self._lease = Lease(api, f"{slug(model)}-rollout", holder, self._pace.lease_seconds)
        self._counts: dict[TargetVersion, PodCounts] = {}
        self._slower_than_us = 0
        #: How often the containers of each pod had started again when it was first seen.
        self._restarts: dict[str, int] = {}

    async def hold(self) -> None:
        await asyncio.to_thread(self._lease.hold)

    async def let_go(self) -> None:
        try:
            await asyncio.to_thread(self._lease.let_go)
        except (Moved, Unavailable) as error:
            _LOG.warning("the lease is left to end by itself: %s", error.what)

    async def read(self) -> Placed:
        found = await asyncio.to_thread(self._api.find, HTTP_ROUTE, slug(self._model))
        return Placed(Placement(model=self._model), "") if found is None else self._placed(found)

    async def make_ready(self, version: TargetVersion, slower_than_us: int) -> None:
        self._slower_than_us = slower_than_us
        deadline, applied, why = time.monotonic() + self._pace.ready_seconds, False, "the cluster does not answer"
        while time.monotonic() < deadline:
            try:
                await self.hold()
                if not applied:
                    for kind, manifest in self._workload.objects(self._model, version):
                        await asyncio.to_thread(self._api.apply, manifest, kind)
                    applied = True
                kind, name = self._workload.watched(self._model, version)
                found = await asyncio.to_thread(self._api.find, kind, name)
                why = "somebody deleted it" if found is None else self._workload.not_ready(found)
            except Unavailable as error:
                why = error.what
            if not why:
                return
            await asyncio.sleep(self._pace.poll_seconds)
        raise Unavailable(
            f"{self._model}:{version.version} is not ready after {self._pace.ready_seconds:g} s: {why}.",
            f"Look at its pods: `kubectl describe pods -l {_selector(self._workload.pod_labels(self._model, version))}`.",
        )

    async def place(self, was: Placed, now: Placement) -> Placed:
        if now.unanswered:
            await self._nobody_ready(refers=now.refers)
        route = route_manifest(slug(self._model), self._gateway, now, self._service, self._workload.port)
        if was.revision:
            written = await asyncio.to_thread(self._api.merge, route, HTTP_ROUTE, was.revision)
        else:
            written = await asyncio.to_thread(self._api.create, route, HTTP_ROUTE)
        if now.shares:
            await self._propagated()
        if was.placement.unanswered and not now.unanswered:
            for kind, manifest in reversed(nobody(self._workload.template, self._model, refers=now.refers)):
                await asyncio.to_thread(self._api.delete, kind, manifest["metadata"]["name"])
        return self._placed(written)

    async def counted(self, version: TargetVersion) -> Counted:
        pods = await asyncio.to_thread(self._api.pods, self._workload.pod_labels(self._model, version))
        ready = [pod for pod in pods if _is_ready(pod)]
        seen = {}
        for pod in ready:
            metadata = pod["metadata"]
            exposition = await asyncio.to_thread(self._api.metrics, metadata["name"], PORT)
            try:
                seen[metadata["uid"]] = observed_in(exposition, self._model, version.version, self._slower_than_us)
            except MalformedRecord as error:
                raise Unavailable(f"{metadata['name']}: {error.what}", error.next_step) from error
        counts = self._counts.setdefault(version, PodCounts())
        death = next((why for pod in pods if (why := self._restarted(pod))), "")
        if not ready:
            death = death or f"none of the {len(pods)} pods of version {version.version} is ready"
        return Counted(counts.look(seen), counts.streak, death, tuple(pod["metadata"]["name"] for pod in ready))

    async def take_out(self, version: TargetVersion) -> None:
        for kind, manifest in reversed(self._workload.objects(self._model, version)):
            await asyncio.to_thread(self._api.delete, kind, manifest["metadata"]["name"])
        self._counts.pop(version, None)

    async def _nobody_ready(self, *, refers: bool) -> None:
        """Has something answer where no version may. Raises Unavailable where it does not get ready."""
        for kind, manifest in nobody(self._workload.template, self._model, refers=refers):
            await asyncio.to_thread(self._api.apply, manifest, kind)
        deadline, why = time.monotonic() + self._pace.ready_seconds, "it was not looked at"
        while time.monotonic() < deadline:
            await self.hold()
            found = await asyncio.to_thread(self._api.find, DEPLOYMENT, nobodys_name(self._model))
            why = "somebody deleted it" if found is None else deployment_not_ready(found)
            if not why:
                return
            await asyncio.sleep(self._pace.poll_seconds)
        raise Unavailable(f"What answers where no version of {self._model} may is not ready: {why}.", "Look at its pods.")

    def _service(self, version: TargetVersion | None) -> str:
        if version is None:
            return nobodys_name(self._model)
        return self._workload.service(self._model, version)

    def _placed(self, route: Manifest) -> Placed:
        return placed_in(route, self._model, self._service, self._workload.port)

    async def _propagated(self) -> None:
        """Waits until the gateways say that they route so. What they really do is seen in the versions' counts, and nowhere else."""
        deadline = time.monotonic() + self._pace.propagation_seconds
        while time.monotonic() < deadline:
            found = await asyncio.to_thread(self._api.find, HTTP_ROUTE, slug(self._model))
            if found is not None and accepted(found):
                return
            await asyncio.sleep(self._pace.poll_seconds)
        _LOG.warning("no gateway says that it has taken in the route of %s", self._model)

    def _restarted(self, pod: Manifest) -> str:
        """How a container of a pod ended since the pod was first seen; "" where none did."""
        statuses = (pod.get("status") or {}).get("containerStatuses") or []
        restarts = sum(status.get("restartCount", 0) for status in statuses)
        if restarts <= self._restarts.setdefault(pod["metadata"]["uid"], restarts):
            return ""
        ended = [(status.get("lastState") or {}).get("terminated") or {} for status in statuses]
        how = next((f"{one.get('reason', 'it ended')} (code {one.get('exitCode')})" for one in ended if one), "it ended")
        return f"a container of the pod {pod['metadata']['name']} has started again: {how}"


def _is_ready(pod: Manifest) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _selector(labels: dict[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
