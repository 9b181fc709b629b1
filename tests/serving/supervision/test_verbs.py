"""What a gateway and a controller are asked, before it reaches either."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from lifecycle.records.approval import RolloutStatement
from lifecycle.records.bodies.serving import RolledBack, RunsCause
from lifecycle.records.passkeys import Assertion
from lifecycle.records.rollout import RolloutOrder
from lifecycle.serving.rollouts.rollback_asked import RollbackAsked
from lifecycle.serving.rollouts.status import GatewayStatus, RolloutStatus
from lifecycle.serving.rollouts.word import Word
from lifecycle.serving.supervision.admin import AdminServer
from lifecycle.serving.supervision.verbs import verbs_of
from tests.records.samples.judging import PROMOTED, enveloped
from tests.serving.packages import BY_HAND, MODEL, NOWHERE

ROLLBACK = {"do": "rollback", "model": MODEL, "trigger": BY_HAND.as_json(), "reason": "test", "rollback_id": "b1"}
DONE = RolledBack(
    rollback_id="b1",
    trigger=BY_HAND,
    from_version=4,
    from_digest=NOWHERE,
    to_version=3,
    to_digest=NOWHERE,
    decided_at_us=1,
    actuation_us=2,
    observed=(),
)


class Taker:
    """Takes down what it is asked, and does nothing."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    async def status(self) -> GatewayStatus:
        self.asked.append("status")
        return GatewayStatus(running=True, url=None, pid=1, environment="local", workers=0, models=(), waiting_events=0)

    async def rollout(self, rollout_id: str, /) -> RolloutStatus:
        return RolloutStatus(rollout_id=rollout_id, model=MODEL, version=4, state="aborted", step=0, weight=0.0)

    async def order(self, order: RolloutOrder, package: Path, /) -> None:
        self.asked.append((order, package))

    async def abort(self, rollout_id: str, reason: str, cause: RunsCause, /) -> None:
        self.asked.append((rollout_id, reason, cause))

    async def conclude(self, word: Word, /) -> None:
        self.asked.append(word)

    async def rollback(self, asked: RollbackAsked, /) -> RolledBack:
        self.asked.append(asked)
        return DONE

    def stop(self) -> None:
        self.asked.append("stop")


def answered(taker: Taker, folder: Path, message: dict[str, Any]) -> dict[str, Any]:
    """What is said to one line."""
    admin = AdminServer(folder / "admin.sock", verbs_of(taker))
    return asyncio.run(admin.answer(json.dumps(message).encode()))


def test_a_rollback_arrives_as_it_was_asked(tmp_path: Path) -> None:
    """What is left out is left to whoever serves."""
    taker = Taker()
    assert answered(taker, tmp_path, {**ROLLBACK, "to_version": 3}) == {"said": DONE.as_json()}
    assert taker.asked == [RollbackAsked(model=MODEL, trigger=BY_HAND, reason="test", rollback_id="b1", to_version=3)]


def test_a_signed_word_arrives_as_it_was_signed(tmp_path: Path) -> None:
    """By a key and by a passkey; what is said beside it in other words reaches nobody."""
    by_key = enveloped(PROMOTED, RolloutStatement.payload_type)
    by_passkey = by_key.model_copy(update={"assertion": Assertion(authenticator_data="AAAA", client_data="e30=")})
    for envelope in (by_key, by_passkey):
        taker, word = Taker(), Word.signed(envelope)
        said = answered(taker, tmp_path, {"do": "conclude", **word.as_json()})
        assert (said["said"]["rollout_id"], taker.asked) == (word.rollout_id, [word])
        for changed in ({"by": "mallory"}, {"reason": "Another."}, {"part": "end"}, {"rollout_id": "r2"}):
            said = answered(taker, tmp_path, {"do": "conclude", **word.as_json(), **changed})
            assert said["error"]["kind"] == "MalformedRecord"
        assert taker.asked == [word]


@pytest.mark.parametrize(
    "wrong",
    [
        {"to_version": "3"},
        {"to_version": 0},
        {"from_version": True},
        {"decision_id": 7},
        {"reason": None},
        {"rollback_id": "../b1"},
        {"trigger": {"kind": "whim"}},
        {"at_once": True},
        {"do": "abort", "rollout_id": "r1", "cause": "whim"},
        {"do": "abort", "rollout_id": "r1", "reason": "because", "cause": "person"},
        {"do": "abort", "rollout_id": "r1", "reason": "because", "cause": "guardrail"},
        {"do": "conclude", "part": "promote", "rollout_id": "r1", "reason": "because", "by": "Ada Lovelace"},
        {"do": "conclude", "part": "promote", "rollout_id": "r1", "reason": "because"},
        {"do": "conclude", "part": "end", "rollout_id": "r1", "reason": ""},
        {"do": "conclude", "part": "hurry", "rollout_id": "r1", "reason": "because", "by": "ada"},
        {"do": "rollout", "rollout_id": None},
        {"do": "order", "order": {}, "folder": "/tmp"},
    ],
)
def test_what_is_not_of_its_form_reaches_nobody(tmp_path: Path, wrong: dict[str, Any]) -> None:
    """Nothing is done by half a request, and nothing is made up for what it lacks."""
    taker = Taker()
    message = {**ROLLBACK, **wrong} if "do" not in wrong else wrong
    assert answered(taker, tmp_path, message)["error"]["kind"] == "MalformedRecord"
    assert taker.asked == []
