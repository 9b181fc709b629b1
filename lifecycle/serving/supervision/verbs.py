"""What a gateway is asked to do, and the controller of a cluster alike: how each request is read, and how it is answered."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from lifecycle.records.bodies.serving import RolledBack, RunsCause
from lifecycle.records.record import JsonObject, Record
from lifecycle.records.rollout import RolloutOrder
from lifecycle.serving.rollouts.rollback_asked import RollbackAsked
from lifecycle.serving.rollouts.status import GatewayStatus, RolloutStatus
from lifecycle.serving.rollouts.word import Word
from lifecycle.serving.supervision.admin import Verb


class TakesOrders(Protocol):
    """Whoever decides what serves. What each of these promises and raises stands at `GatewayClient`."""

    async def status(self) -> GatewayStatus: ...

    async def rollout(self, rollout_id: str, /) -> RolloutStatus: ...

    async def order(self, order: RolloutOrder, package: Path, /) -> None: ...

    async def abort(self, rollout_id: str, reason: str, cause: RunsCause, /) -> None: ...

    async def conclude(self, word: Word, /) -> None: ...

    async def rollback(self, asked: RollbackAsked, /) -> RolledBack: ...

    def stop(self) -> None: ...


class _Ordered(Record):
    order: RolloutOrder
    folder: str


class _About(Record):
    rollout_id: str


class _Aborted(_About):
    reason: str
    cause: RunsCause


def verbs_of(taker: TakesOrders) -> dict[str, Verb]:
    """The verbs of an `AdminServer`. Each raises MalformedRecord for a request that is not of its form."""

    async def status(message: JsonObject) -> JsonObject:
        return (await taker.status()).as_json()

    async def rollout(message: JsonObject) -> JsonObject:
        return (await taker.rollout(_About.of(message).rollout_id)).as_json()

    async def order(message: JsonObject) -> JsonObject:
        asked = _Ordered.of(message)
        await taker.order(asked.order, Path(asked.folder))
        return {}

    async def abort(message: JsonObject) -> JsonObject:
        asked = _Aborted.of(message)
        await taker.abort(asked.rollout_id, asked.reason, asked.cause)
        return (await taker.rollout(asked.rollout_id)).as_json()

    async def conclude(message: JsonObject) -> JsonObject:
        word = Word.of(message)
        await taker.conclude(word)
        return (await taker.rollout(word.rollout_id)).as_json()

    async def rollback(message: JsonObject) -> JsonObject:
        return (await taker.rollback(RollbackAsked.of(message))).as_json()

    async def stop(message: JsonObject) -> JsonObject:
        taker.stop()
        return {}

    return {
        "status": status,
        "order": order,
        "rollout": rollout,
        "abort": abort,
        "conclude": conclude,
        "rollback": rollback,
        "stop": stop,
    }
