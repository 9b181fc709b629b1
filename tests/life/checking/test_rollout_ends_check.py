"""Ends of rollouts held against the ledger: who promotes or ends by hand may, had no part in what they promote, and signs it."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from lifecycle.approvals.people import Person, Registry
from lifecycle.errors import MalformedRecord
from lifecycle.ledger.verifying.statement_check import StatementCheck
from lifecycle.life.checking.rollout_ends_check import RolloutEndsCheck
from lifecycle.life.people.known_keys import KnownKeys
from lifecycle.records import bodies
from lifecycle.records.agreement import disagreements
from lifecycle.records.approval import Envelope, RolloutPart, RolloutStatement
from lifecycle.records.bodies.serving import RolloutEnd
from lifecycle.records.events import Actor, Event, Subject
from lifecycle.records.identity import derived_id
from lifecycle.records.rollout import RolloutPlan, RolloutStep
from tests.records.samples.happenings import of_serving, of_training
from tests.records.samples.parts import ARMS, AT_US, PLAN, TRIGGER, of

OUT = derived_id("rollout")
AB = RolloutPlan(strategy="ab", steps=(RolloutStep(weight=0.5, minimum_n=1, bake_seconds=0.0),), guardrails=PLAN.guardrails)
TRAINED = next(event for event in of_training() if isinstance(event.body, bodies.ModelTrained))
VERSION = TRAINED.subject
GATEWAY = Actor(id="gateway", kind="service")


def happened(body: bodies.Body, *, environment: str = "staging", about: Subject = VERSION) -> Event:
    return Event.happened(body, subject=about, actor=GATEWAY, environment=environment, at_us=AT_US)


def requested(plan: RolloutPlan = AB, **more: Any) -> Event:
    (asked,) = (event.body for event in of_serving() if isinstance(event.body, bodies.RolloutRequested))
    return happened(asked.model_copy(update={"plan": plan}), **more)


def envelope(part: RolloutPart, signer: str, **changes: Any) -> Envelope:
    """With a signature that is none: whether it holds is for another check."""
    said = RolloutStatement(
        part=part,
        rollout_id=OUT,
        model=VERSION.name,
        version=VERSION.version or 0,
        model_digest=VERSION.digest or "",
        signer=signer,
        reason="Because.",
        environment="staging",
        nonce="00112233445566778899aabbccddeeff",
        signed_at_us=AT_US,
        expires_at_us=AT_US + 1,
    ).model_copy(update=changes)
    payload = base64.b64encode(said.canonical()).decode()
    return Envelope(payload_type=said.payload_type, payload=payload, key_id=f"key-of-{signer}", signature="AAAA")


def completed(signer: str | None, *, signed: bool = True) -> bodies.RolloutCompleted:
    word: dict[str, Any] = {} if signer is None else {"promoted_by": signer, "reason": "Because."}
    if signer is not None and signed:
        word["envelope"] = envelope("promote", signer)
    return bodies.RolloutCompleted(rollout_id=OUT, superseded_version=None, superseded_digest=None, observed=ARMS, **word)


def aborted(signer: str | None, *, signed: bool = True) -> bodies.RolloutAborted:
    word: dict[str, Any] = {} if signer is None else {"ended_by": signer}
    if signer is not None and signed:
        word["envelope"] = envelope("end", signer)
    return bodies.RolloutAborted(rollout_id=OUT, cause="person", reason="Because.", observed=ARMS, **word)


def rolled_back() -> Event:
    (done,) = (event.body for event in of_serving() if isinstance(event.body, bodies.RolledBack))
    return happened(done.model_copy(update={"trigger": TRIGGER}))


def findings(*events: Event) -> list[str]:
    """What is found where rita may promote and end, and sam may not."""
    roles = {"rita": ("operator",), "sam": ("clerk",), "olga": ("risk",), "ada": ("engineer",)}
    people = {name: Person(id=name, roles=held) for name, held in roles.items()}
    registry = Registry(people=people, origin=dict.fromkeys(people, "project"), groups=(), delegations=())
    check = RolloutEndsCheck(KnownKeys(lambda digest: b""), lambda: registry)
    return [one.what for one in (*(one for index, event in enumerate(events) for one in check.look_at(index, event)), *check.end())]


@pytest.mark.parametrize("body", [completed("rita"), aborted("rita")])
def test_what_an_operator_signed_is_no_finding(body: RolloutEnd) -> None:
    """They may, and had no part in the version."""
    assert findings(TRAINED, requested(), happened(body)) == []


@pytest.mark.parametrize("body", [completed("sam"), aborted("sam")])
def test_end_a_rollout_without_the_role(body: RolloutEnd) -> None:
    """Attack: a clerk's signature holds, and gives no right."""
    (only,) = findings(TRAINED, requested(), happened(body))
    assert "is on the word of sam, who held none of the roles operator, risk" in only


def test_promote_ones_own_work() -> None:
    """Attack: the owner holds the role for it."""
    (only,) = findings(TRAINED, requested(), happened(completed("olga")))
    assert "promotes what olga had a part in" in only


def test_the_owner_ends_without_a_role() -> None:
    """It serves nobody then."""
    assert findings(TRAINED, requested(), happened(aborted("olga"))) == []


@pytest.mark.parametrize(
    "body", [completed(None), completed("rita", signed=False), aborted(None), aborted("rita", signed=False)], ids=lambda body: body.part
)
def test_end_a_rollout_in_nobodys_name(body: RolloutEnd) -> None:
    """Attack: a record that names somebody, or nobody, and holds no signature."""
    (only,) = findings(TRAINED, requested(), happened(body))
    assert "is signed by nobody, and in staging people govern" in only
    assert findings(TRAINED, requested(environment="local"), happened(body, environment="local")) == []


def test_what_the_controller_promotes_and_what_a_rollback_ends_need_no_word() -> None:
    """A canary is promoted by its plan; whoever takes a version out has asked the gate for a rollback."""
    assert findings(TRAINED, requested(PLAN), happened(completed(None))) == []
    assert findings(TRAINED, requested(), rolled_back(), happened(aborted(None))) == []


def test_a_rollback_of_before_excuses_no_later_end() -> None:
    """Attack: an end in nobody's name, of a version that was once rolled back."""
    assert len(findings(TRAINED, requested(), rolled_back(), happened(aborted(None)), requested(), happened(aborted(None)))) == 1


@pytest.mark.parametrize("changes", [{"version": 9}, {"model": "churn"}, {"model_digest": of("another")}, {"environment": "production"}])
def test_record_a_word_on_something_else(changes: dict[str, Any]) -> None:
    """Attack: an envelope that holds, in the record of another version, model, bytes or environment."""
    body = bodies.RolloutAborted(
        rollout_id=OUT,
        cause="person",
        reason="Because.",
        observed=ARMS,
        ended_by="rita",
        envelope=envelope("end", "rita", **changes),
    )
    (only,) = disagreements(happened(body))
    assert "says twice and differently what it is about" in only


@pytest.mark.parametrize(
    "changes", [{"ended_by": "olga"}, {"reason": "Another."}, {"rollout_id": derived_id("another")}, {"cause": "crash"}]
)
def test_record_a_word_otherwise_than_it_was_signed(changes: dict[str, Any]) -> None:
    """Attack: beside what rita signed stands another name, reason, rollout or cause."""
    with pytest.raises(MalformedRecord):
        bodies.RolloutAborted.of({**aborted("rita").as_json(), **changes})


def test_record_an_end_as_a_promotion() -> None:
    """Attack: who signed that a rollout ends is shown as who promoted it."""
    said = completed("rita").as_json() | {"envelope": envelope("end", "rita").as_json()}
    with pytest.raises(MalformedRecord):
        bodies.RolloutCompleted.of(said)


def test_record_a_word_twice() -> None:
    """Attack: what was signed once ends a second rollout."""
    check = StatementCheck()
    first, second = happened(aborted("rita")), happened(aborted("rita"))
    assert list(check.look_at(0, first)) == []
    (only,) = check.look_at(1, second)
    assert "what is signed counts once" in only.what
