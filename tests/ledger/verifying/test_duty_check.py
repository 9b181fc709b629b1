"""Separation of duties is derived again from the records: an approval that could not count is named, whatever the gate said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.verifying.duty_check import DutyCheck
from lifecycle.ledger.verifying.findings import Finding
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.records.bodies.decisions import ApprovalGiven, DecisionMade
from lifecycle.records.bodies.training import ModelTrained
from lifecycle.records.events import Actor, Event
from lifecycle.records.gates import Maker
from tests.ledger.happenings import happening
from tests.records.samples.happenings import happenings
from tests.records.samples.judging import STATEMENT, enveloped

EVENTS = {event.type: event for event in happenings()}


def trained(*, by: str = "train_service", author: str = "") -> Event:
    body = EVENTS["ModelTrained"].body
    assert isinstance(body, ModelTrained)
    return EVENTS["ModelTrained"].model_copy(
        update={"actor": Actor(id=by, kind="human"), "body": body.model_copy(update={"code_author": author})}
    )


def approved(**changed: Any) -> Event:
    return EVENTS["ApprovalGiven"].model_copy(update={"body": ApprovalGiven(envelope=enveloped(STATEMENT.model_copy(update=changed)))})


def decided(makers: tuple[str, ...] = ("olga", "ada"), *, also: tuple[str, ...] = ("risk",), **changed: Any) -> Event:
    """A decision that used up the statement of `approved(**changed)`, and what it was shown of it."""
    event = EVENTS["DecisionMade"]
    body = event.body
    assert isinstance(body, DecisionMade)
    digest = STATEMENT.model_copy(update=changed).content_digest()
    asked = body.decision.input
    approval = asked.approvals[0].model_copy(update={"statement_digest": digest, "also": also, "approver": changed.get("approver", "rita")})
    subject = asked.subject.model_copy(update={"makers": tuple(Maker(id=maker, part="team", basis="fact") for maker in makers)})
    question = asked.model_copy(update={"approvals": (approval,), "subject": subject})
    made = body.model_copy(update={"decision": body.decision.model_copy(update={"input": question}), "consumed": (digest,)})
    return event.model_copy(update={"body": made})


def found(*events: Event, pruned: bool = False) -> list[str]:
    check = DutyCheck(pruned=pruned)
    return [finding.what for index, event in enumerate(events) for finding in check.look_at(index, event)] + [f.what for f in check.end()]


def test_an_approval_by_somebody_else_is_no_finding() -> None:
    """Who signed had no part in it."""
    assert found(trained(by="ada", author="olga"), approved(), decided()) == []


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ((trained(), approved(), decided(("rita",))), "uses up the approval of rita in record 1, but rita is among those who made it"),
        ((trained(by="rita"), approved(), decided()), "rita trained it or wrote its code"),
        ((trained(author="rita"), approved(), decided()), "rita trained it or wrote its code"),
        ((trained(), approved(), decided(("credit_models",), also=("credit_models",))), "rita, who acts for credit_models, in record 1"),
        ((trained(), decided()), "uses up a statement that no record before it holds"),
        ((trained(), decided(), approved()), "uses up a statement that no record before it holds"),
        ((approved(environment="production"), decided(environment="production")), "of other bytes or for another environment"),
        ((approved(model_digest="sha256:" + "0" * 64), decided(model_digest="sha256:" + "0" * 64)), "of other bytes"),
    ],
)
def test_an_approval_that_could_not_count_is_named(events: tuple[Event, ...], told: str) -> None:
    """By the record of the decision, who signed, and why it does not count."""
    (finding,) = found(*events)
    assert told in finding
    assert f"({EVENTS['DecisionMade'].type}, id {EVENTS['DecisionMade'].id})" in finding


def test_an_approval_that_was_shown_as_somebody_elses_is_named() -> None:
    """The gate was shown another name than the one that was signed with."""
    shown = decided()
    assert isinstance(shown.body, DecisionMade)
    asked = shown.body.decision.input
    other = asked.model_copy(update={"approvals": (asked.approvals[0].model_copy(update={"approver": "sam"}),)})
    forged = shown.model_copy(
        update={"body": shown.body.model_copy(update={"decision": shown.body.decision.model_copy(update={"input": other})})}
    )
    assert "as that of sam, but rita signed it" in found(approved(), forged)[0]


def test_an_approval_that_may_have_been_pruned_is_not_missed() -> None:
    """Where the bytes of records went by an event, an approval of long ago may be among them."""
    assert found(decided(), pruned=True) == []


def test_verification_asks_it(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every record passes through it."""
    seen: list[int] = []

    def look_at(_: DutyCheck, index: int, __: Event) -> Iterator[Finding]:
        seen.append(index)
        return iter(())

    monkeypatch.setattr(DutyCheck, "look_at", look_at)
    with ledger.writing() as writer:
        writer.append_all(happening(number) for number in range(5))
    assert verify_ledger(ledger, None).ok
    assert seen == list(range(5))
