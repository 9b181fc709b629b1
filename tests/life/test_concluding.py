"""Ending what is left to a person: who may be named, and what reaches the gateway."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from assets.credit.model import CREDIT
from lifecycle.errors import InvalidDeclaration, Refused, UnknownName
from lifecycle.life.concluding import end_by_hand, promote_by_hand, rollout_under_way
from lifecycle.serving.rollouts.state import RolloutStatus


class Gateway:
    """A gateway that notes what it is told about the one rollout that it has, if it has one."""

    def __init__(self, *, rolling: bool = True) -> None:
        self.told: list[tuple[str, dict[str, str]]] = []
        self.rollout = RolloutStatus(rollout_id="r1", model="credit", version=2, state="baking", step=0, weight=0.5) if rolling else None

    def status(self) -> Any:
        return SimpleNamespace(models=(SimpleNamespace(model="credit", rollout=self.rollout),))

    def promote(self, rollout_id: str, **said: str) -> str:
        self.told.append((f"promote {rollout_id}", said))
        return "completed"

    def abort(self, rollout_id: str, **said: str) -> str:
        self.told.append((f"abort {rollout_id}", said))
        return "aborted"


class People:
    def person(self, person_id: str) -> None:
        if person_id != "olga":
            raise UnknownName(f"Nobody here goes by {person_id!r}.", "Enrol them.")


def home(gateway: Gateway) -> Any:
    return SimpleNamespace(gateway=gateway, people=People())


def test_an_enrolled_person_promotes_with_a_reason() -> None:
    """The gateway is told who and why, about the rollout that is under way."""
    gateway = Gateway()
    promote_by_hand(home(gateway), CREDIT, by="olga", reason="It refers fewer people.")
    assert gateway.told == [("promote r1", {"by": "olga", "reason": "It refers fewer people."})]


@pytest.mark.parametrize(
    ("by", "reason", "refused"),
    [("nobody", "Because.", UnknownName), ("olga", " ", InvalidDeclaration), ("olga", "\x1b[2J", InvalidDeclaration)],
)
def test_a_promotion_by_a_stranger_or_without_a_reason_reaches_no_gateway(by: str, reason: str, refused: type[Exception]) -> None:
    """Attack: a name that nobody is enrolled as, and a reason that would clear a terminal."""
    gateway = Gateway()
    with pytest.raises(refused):
        promote_by_hand(home(gateway), CREDIT, by=by, reason=reason)
    assert gateway.told == []


def test_a_rollout_is_ended_as_a_persons_doing() -> None:
    """It ends without a judgement: the cause is a person."""
    gateway = Gateway()
    end_by_hand(home(gateway), CREDIT, reason="No difference.")
    assert gateway.told == [("abort r1", {"reason": "No difference.", "cause": "person"})]


def test_without_a_rollout_there_is_nothing_to_end() -> None:
    """It says so, and where to look."""
    with pytest.raises(Refused, match="No version of credit is being rolled out"):
        rollout_under_way(home(Gateway(rolling=False)), CREDIT)
