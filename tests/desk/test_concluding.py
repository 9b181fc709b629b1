"""Promoting a version and ending its rollout at the desk: the passkey signs it, and the gateway does it."""

from __future__ import annotations

from typing import Any

import pytest

from lifecycle.errors import Refused, Unavailable, UnknownName
from lifecycle.life.gates import standing
from lifecycle.life.people.rollout_words import PeoplesWord
from lifecycle.records.bodies.governors import SignatureBarred
from lifecycle.records.rollout import RolloutPlan, RolloutStep
from lifecycle.serving.rollouts.status import GatewayStatus, ModelStatus, RolloutStatus
from lifecycle.serving.rollouts.word import Word
from tests.approvals.waiting_version import MODEL, VERSION
from tests.desk.authenticators import Authenticator
from tests.desk.desks import Browser, DeskUnderTest
from tests.desk.pages.rendered import read

FORM = f"/models/{MODEL}/rollout"


class Gateway:
    """A gateway that rolls one version out, asks whose word counts as every gateway does, and notes what it takes."""

    def __init__(self, desk: DeskUnderTest) -> None:
        self._desk = desk
        self.took: list[Word] = []
        #: Why it does nothing; None where it does.
        self.broken: Exception | None = None
        self.ended: RolloutStatus | None = None

    def status(self) -> GatewayStatus:
        model = ModelStatus(model=MODEL, versions=(), referred=0, rollout=None if self.ended else self.rollout("r1"))
        return GatewayStatus(running=True, url="http://x", pid=1, environment="local", workers=1, models=(model,), waiting_events=0)

    def rollout(self, rollout_id: str) -> RolloutStatus:
        if rollout_id != "r1":
            raise UnknownName(f"The gateway knows no rollout {rollout_id!r}.", "Look at its status.")
        return self.ended or RolloutStatus(rollout_id="r1", model=MODEL, version=VERSION, state="baking", step=0, weight=0.5)

    def conclude(self, word: Word) -> RolloutStatus:
        if self.broken is not None:
            raise self.broken
        PeoplesWord(self._desk.departments)(word, standing.trained(self._desk.departments, MODEL, VERSION).event.subject)
        self.took.append(word)
        if self.ended is None:
            how = "completed" if word.part == "promote" else "aborted"
            self.ended = self.rollout("r1").model_copy(update={"state": how, "reason": word.reason})
        return self.ended


@pytest.fixture
def gateway(desk: DeskUnderTest, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """The version is in an A/B test."""
    made = Gateway(desk)
    vars(desk.departments)["gateway"] = made
    plan = RolloutPlan(strategy="ab", steps=(RolloutStep(weight=0.5, minimum_n=1, bake_seconds=0.0),), guardrails=())
    declared = standing.trained
    real = declared(desk.departments, MODEL, VERSION)
    ab = real.event.body.model_copy(update={"declared": real.event.body.declared.model_copy(update={"rollout": plan, "owner": "ada"})})  # type: ignore[attr-defined]  # a ModelTrained
    event = real.event.model_copy(update={"body": ab})
    monkeypatch.setattr(standing, "trained", lambda *of: real.model_copy(update={"event": event}))
    return made


@pytest.fixture
def operator(desk: DeskUnderTest) -> Browser:
    """Somebody who may, and had no part in it."""
    return desk.enrolled("operator", roles=("operator",))


def attempts(desk: DeskUnderTest) -> list[tuple[str, str, tuple[str, ...], bool]]:
    """In whose name what was tried, against which rules, and whether it was really they."""
    found = desk.departments.ledger.events(types=("SignatureBarred",))
    bodies = [(standing.body_of(one, SignatureBarred), one.event.actor.authenticated) for one in found]
    return [(body.person, body.about, body.rules, authenticated) for body, authenticated in bodies]


def forms(browser: Browser) -> list[Any]:
    page = read(browser.client.get("/serving").text)
    return [form for form in page.all("form") if form.attributes.get("action") == FORM]


def test_a_version_is_promoted_with_a_passkey(gateway: Gateway, operator: Browser) -> None:
    """The form stands where the rollout is shown; the gateway gets what was signed, and the answer says that it serves."""
    (form,) = forms(operator)
    assert [button.attributes["value"] for button in form.all("button")] == ["promote", "end"]
    answer = operator.finish(operator.begin_at(FORM, part="promote", reason="It refers fewer people."))
    assert (answer.status_code, answer.json()["location"]) == (200, "/serving")
    assert answer.json()["message"] == f"You promoted {MODEL}:{VERSION}. It serves."
    (word,) = gateway.took
    assert (word.part, word.by, word.reason) == ("promote", "operator", "It refers fewer people.")
    assert word.envelope is not None
    assert word.envelope.assertion is not None


def test_a_rollout_is_ended_by_the_owner_who_is_offered_no_promotion(gateway: Gateway, desk: DeskUnderTest) -> None:
    """An owner made the version: their page has one button."""
    owner = desk.enrolled("ada")
    (form,) = forms(owner)
    assert [button.attributes["value"] for button in form.all("button")] == ["end"]
    answer = owner.finish(owner.begin_at(FORM, part="end", reason="No difference."))
    assert answer.json()["message"] == f"You ended the rollout of {MODEL}:{VERSION}. It may be deployed again."
    assert [(word.part, word.by) for word in gateway.took] == [("end", "ada")]


def test_who_may_neither_is_told_and_an_attempt_is_kept_as_theirs(gateway: Gateway, desk: DeskUnderTest) -> None:
    """Attack: a clerk sends the form that the page does not offer."""
    clerk = desk.enrolled("clerk", roles=("clerk",))
    assert forms(clerk) == []
    told = read(clerk.client.get("/serving").text).one("main").says
    assert "The roles risk and operator may end it, and ada, who owns the model." in told
    answer = clerk.finish(clerk.begin_at(FORM, part="promote"))
    assert answer.status_code == 403
    assert (gateway.took, attempts(desk)) == ([], [("clerk", "rollout", ("RLT-001",), True)])


def test_the_maker_does_not_promote_it(gateway: Gateway, desk: DeskUnderTest) -> None:
    """Attack: with the role `risk` as well."""
    maker = desk.enrolled("ada", roles=("risk",))
    assert maker.finish(maker.begin_at(FORM, part="promote")).status_code == 403
    assert (gateway.took, attempts(desk)) == ([], [("ada", "rollout", ("RLT-004",), True)])


def test_a_stolen_session_ends_nothing(gateway: Gateway, desk: DeskUnderTest, operator: Browser) -> None:
    """Attack: the cookie without the passkey."""
    thief = desk.browser(Authenticator(credential_id=operator.authenticator.credential_id, count=1_000))
    thief.client.cookies.set("lifecycle-desk", operator.client.cookies["lifecycle-desk"])
    assert thief.finish(thief.begin_at(FORM, part="end")).status_code == 409
    assert gateway.took == []
    ((person, about, _, really),) = attempts(desk)
    assert (person, about, really) == ("operator", "rollout", False)


def test_a_refusal_by_the_state_of_the_rollout_is_no_attempt(gateway: Gateway, desk: DeskUnderTest, operator: Browser) -> None:
    """Who is early may try again: nothing is kept against them."""
    gateway.broken = Refused("It has not answered 20 requests yet.", "Wait until it has.", ("STATE",))
    answer = operator.finish(operator.begin_at(FORM, part="promote"))
    assert (answer.status_code, "has not answered 20 requests" in answer.text) == (403, True)
    assert attempts(desk) == []
    gateway.broken = None
    assert operator.finish(operator.begin_at(FORM, part="promote")).status_code == 200


def test_what_was_signed_while_the_gateway_was_away_is_kept_and_done_once(gateway: Gateway, desk: DeskUnderTest, operator: Browser) -> None:
    """The same answer again, once the gateway is there: it is told what was signed."""
    gateway.broken = Unavailable("The gateway does not answer.", "Start it.")
    begun = operator.begin_at(FORM, part="end")
    answer = operator.authenticator.sign(begun.json()["options"])
    assert operator.finish(begun, answer).status_code == 503
    gateway.broken = None
    assert operator.finish(begun, answer).status_code == 200
    assert operator.finish(begun, answer).status_code in (200, 409)
    assert len({word.content_digest() for word in gateway.took}) == 1


def test_who_comes_too_late_is_told_how_it_ended(gateway: Gateway, operator: Browser) -> None:
    """It ended between the page and the passkey: nothing is said to have been done by them."""
    begun = operator.begin_at(FORM, part="end", reason="No difference.")
    gateway.ended = gateway.rollout("r1").model_copy(update={"state": "completed", "reason": ""})
    answer = operator.finish(begun)
    assert answer.json()["message"] == f"Nothing has changed: the rollout of {MODEL}:{VERSION} had ended before, and it serves."


def test_a_rollout_is_told_nothing_else(gateway: Gateway, operator: Browser) -> None:
    """And without a rollout nothing is signed."""
    assert operator.begin_at(FORM, part="hurry").status_code == 400
    gateway.ended = gateway.rollout("r1").model_copy(update={"state": "aborted", "reason": "over"})
    assert operator.begin_at(FORM, part="end").status_code == 403
    assert forms(operator) == []
