"""Ending what is left to a person: who may be named, and what reaches the gateway."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from assets.credit.model import CREDIT
from lifecycle.errors import InvalidDeclaration, Refused, UnknownName
from lifecycle.life.concluding import end_by_hand, promote_by_hand, rollout_under_way
from lifecycle.life.gates import standing
from lifecycle.records.events import Subject
from lifecycle.serving.rollouts.status import RolloutStatus
from lifecycle.serving.rollouts.word import Word


class Gateway:
    """A gateway that notes what it is told about the one rollout that it has, if it has one."""

    def __init__(self, *, rolling: bool = True) -> None:
        self.told: list[Word] = []
        self._rolling = RolloutStatus(rollout_id="r1", model="credit", version=2, state="baking", step=0, weight=0.5) if rolling else None

    def status(self) -> Any:
        return SimpleNamespace(models=(SimpleNamespace(model="credit", rollout=self._rolling),))

    def rollout(self, rollout_id: str) -> RolloutStatus | None:
        return self._rolling

    def conclude(self, word: Word) -> str:
        self.told.append(word)
        return "over"


class People:
    def person(self, person_id: str) -> None:
        if person_id != "olga":
            raise UnknownName(f"Nobody here goes by {person_id!r}.", "Enrol them.")


@pytest.fixture(autouse=True)
def trained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every version was trained."""
    subject = Subject(kind="model", name="credit", version=2, digest="sha256:" + "2" * 64)
    monkeypatch.setattr(standing, "trained", lambda *of: SimpleNamespace(event=SimpleNamespace(subject=subject)))


def home(gateway: Gateway, environment: str = "local") -> Any:
    return SimpleNamespace(gateway=gateway, people=People(), environment=environment)


def test_an_enrolled_person_promotes_with_a_reason() -> None:
    """The gateway is told who and why, about the rollout that is under way."""
    gateway = Gateway()
    promote_by_hand(home(gateway), CREDIT, by="olga", reason="It refers fewer people.")
    assert gateway.told == [Word(part="promote", rollout_id="r1", by="olga", reason="It refers fewer people.")]


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
    """In `local` nobody has to be named; whoever is must be enrolled."""
    gateway = Gateway()
    end_by_hand(home(gateway), CREDIT, reason="No difference.")
    end_by_hand(home(gateway), CREDIT, reason="No difference.", by="olga")
    assert [(word.part, word.by) for word in gateway.told] == [("end", None), ("end", "olga")]
    with pytest.raises(UnknownName):
        end_by_hand(home(gateway), CREDIT, reason="No difference.", by="nobody")


def test_where_people_govern_an_unsigned_word_reaches_no_gateway() -> None:
    """Attack: to name somebody who may, in place of signing."""
    gateway = Gateway()
    with pytest.raises(Refused) as promotion:
        promote_by_hand(home(gateway, "staging"), CREDIT, by="olga", reason="Because.")
    with pytest.raises(Refused) as end:
        end_by_hand(home(gateway, "staging"), CREDIT, by="olga", reason="Because.")
    assert promotion.value.rules == end.value.rules == ("RLT-002",)
    assert gateway.told == []


def test_without_a_rollout_there_is_nothing_to_end() -> None:
    """It says so, and where to look."""
    with pytest.raises(Refused, match="No version of credit is being rolled out"):
        rollout_under_way(home(Gateway(rolling=False)), CREDIT)
