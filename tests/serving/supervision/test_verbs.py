"""What a gateway and a controller are asked, before it reaches either."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest

from lifecycle.records.approval import RolloutStatement
from lifecycle.records.passkeys import Assertion
from lifecycle.serving.rollouts.rollback_asked import RollbackAsked
from lifecycle.serving.rollouts.word import Word
from lifecycle.serving.supervision.admin import AdminServer
from lifecycle.serving.supervision.verbs import TakesOrders, verbs_of
from tests.records.samples.judging import PROMOTED, enveloped
from tests.serving.packages import BY_HAND, MODEL

ROLLBACK = {"do": "rollback", "model": MODEL, "trigger": BY_HAND.as_json(), "reason": "test", "rollback_id": "b1"}


def answered(taker: AsyncMock, folder: Path, message: dict[str, Any]) -> dict[str, Any]:
    """What is said to one line."""
    admin = AdminServer(folder / "admin.sock", verbs_of(taker))
    return asyncio.run(admin.answer(json.dumps(message).encode()))


def test_a_rollback_arrives_as_it_was_asked(tmp_path: Path) -> None:
    """What is left out is left to whoever serves."""
    taker = AsyncMock(spec=TakesOrders)
    taker.rollback.return_value = BY_HAND
    assert answered(taker, tmp_path, {**ROLLBACK, "to_version": 3}) == {"said": BY_HAND.as_json()}
    asked = RollbackAsked(model=MODEL, trigger=BY_HAND, reason="test", rollback_id="b1", to_version=3)
    taker.rollback.assert_awaited_once_with(asked)


def test_a_signed_word_arrives_as_it_was_signed(tmp_path: Path) -> None:
    """By a key and by a passkey; what is said beside it in other words reaches nobody."""
    taker = AsyncMock(spec=TakesOrders)
    taker.rollout.return_value = BY_HAND
    by_key = enveloped(PROMOTED, RolloutStatement.payload_type)
    by_passkey = by_key.model_copy(update={"assertion": Assertion(authenticator_data="AAAA", client_data="e30=")})
    for envelope in (by_key, by_passkey):
        word = Word.signed(envelope)
        answered(taker, tmp_path, {"do": "conclude", **word.as_json()})
        taker.conclude.assert_awaited_once_with(word)
        taker.conclude.reset_mock()
        for changed in ({"by": "mallory"}, {"reason": "Another."}, {"part": "end"}, {"rollout_id": "r2"}):
            said = answered(taker, tmp_path, {"do": "conclude", **word.as_json(), **changed})
            assert said["error"]["kind"] == "MalformedRecord"
        taker.conclude.assert_not_awaited()


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
    taker = AsyncMock(spec=TakesOrders)
    message = {**ROLLBACK, **wrong} if "do" not in wrong else wrong
    assert answered(taker, tmp_path, message)["error"]["kind"] == "MalformedRecord"
    assert taker.mock_calls == []
