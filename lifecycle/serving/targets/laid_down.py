"""Versions where their pods find them: checked by the controller first, as on one machine, and by each pod again."""

from __future__ import annotations

import asyncio
from pathlib import Path

from lifecycle.records.rollout import RolloutOrder
from lifecycle.serving.allowed.packages import Package, PackageCache
from lifecycle.serving.allowed.withdrawals import Withdrawal
from lifecycle.serving.targets.contract import TargetVersion
from lifecycle.serving.targets.publishing import PublishedPackages


class LaidDown:
    """The packages of one cluster."""

    def __init__(self, cache: PackageCache, published: PublishedPackages) -> None:
        self._cache = cache
        self._published = published

    async def admit(self, order: RolloutOrder, source: Path) -> None:
        """Lays down what an order allows. Raises like `PackageCache.admit`, and Unavailable where the volume does not take it."""
        await self._publish(await asyncio.to_thread(self._cache.admit, order, source))

    async def again(self, model: str, version: TargetVersion) -> RolloutOrder:
        """Lays down a version that was admitted before; returns the order that allowed it. Raises like `PackageCache.readmit`."""
        package = await asyncio.to_thread(self._cache.readmit, model, version.version, version.digest)
        await self._publish(package)
        return package.order

    def order_of(self, model: str, version: TargetVersion) -> RolloutOrder:
        """The order that lies beside a package, whatever it is worth. Raises Unavailable."""
        return self._published.order_of(model, version)

    def withdrawn(self, model: str, version: TargetVersion) -> Withdrawal | None:
        """Why a version may not serve any more, where the ledger has taken it back."""
        return self._cache.withdrawn(model, version.version, version.digest)

    async def _publish(self, package: Package) -> None:
        await asyncio.to_thread(self._published.publish, package)
