"""Whose word promotes a version or ends its rollout where people govern: at the command line, and at the gateway itself."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lifecycle.approvals.keys import create_key, load_key
from lifecycle.approvals.statements import signed
from lifecycle.errors import InvalidDeclaration, MalformedRecord, Refused, Tampered, Unavailable, UnknownName
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.life.checking.people_check import PeopleCheck
from lifecycle.life.concluding import end_by_hand, promote_by_hand, rollout_to_sign, said_before
from lifecycle.life.deployment import request_rollout
from lifecycle.life.gates import standing
from lifecycle.life.gates.asking import ask
from lifecycle.life.gates.judging import deployment_input
from lifecycle.life.people import rollout_words
from lifecycle.life.people.approval import approve_version
from lifecycle.life.people.enrolment import enrol
from lifecycle.life.people.rollout_words import PeoplesWord
from lifecycle.life.recording import Step
from lifecycle.life.revocation import revoke
from lifecycle.life.signing import signed_now
from lifecycle.records.approval import Envelope, RolloutPart, RolloutStatement
from lifecycle.records.bodies.governors import SignatureBarred
from lifecycle.records.bodies.serving import RolloutCompleted
from lifecycle.records.events import Actor, Event, Subject
from lifecycle.serving.rollouts.status import RolloutStatus
from lifecycle.serving.rollouts.word import Word
from lifecycle.wiring import Departments
from tests.scenarios.commands import change
from tests.scenarios.homes import copy_of_home_at_the_gate

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("life")]

HOUR_US = 3_600 * 1_000_000
PARTS: tuple[RolloutPart, ...] = ("promote", "end")
OTHER_DIGEST = "sha256:" + "0" * 64


class Gateway:
    """A gateway that rolls credit:1 out, asks whose word counts as every gateway does, and notes what it takes."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.took: list[Word] = []

    def status(self) -> Any:
        return SimpleNamespace(models=(SimpleNamespace(model="credit", rollout=self.rollout("r1")),))

    def rollout(self, rollout_id: str) -> RolloutStatus:
        if rollout_id != "r1":
            raise UnknownName(f"The gateway knows no rollout {rollout_id!r}.", "Look at its status.")
        return RolloutStatus(rollout_id="r1", model="credit", version=1, state="baking", step=0, weight=0.5)

    def conclude(self, word: Word) -> RolloutStatus:
        PeoplesWord(self._house.departments)(word, self._house.about)
        self.took.append(word)
        return self.rollout(word.rollout_id)


class House:
    """credit:1 waits for a person's word; an operator, a clerk and the model's owner have keys, beside the cast."""

    def __init__(self, folder: Path) -> None:
        self.departments, self.cast = copy_of_home_at_the_gate(folder)
        self._keys = folder / "keys"
        self._keys.mkdir()
        self.model = self.departments.model("credit")
        trained = standing.trained(self.departments, "credit", 1)
        self.about: Subject = trained.event.subject
        self.owner = self.model.owner
        for person, roles in (("operator", ("operator",)), ("clerk", ("clerk",)), (self.owner, ("engineer",))):
            create_key(self.key(person))
            enrol(self.departments, person, roles=roles, public_key=self.key(person).with_suffix(".pub"))
        self.gateway = Gateway(self)
        vars(self.departments)["gateway"] = self.gateway

    def key(self, person: str) -> Path:
        own = self._keys / f"{person}.key"
        return self.cast.key(person) if person in (self.cast.officer, self.cast.engineer) else own

    def say(self, part: RolloutPart, person: str) -> RolloutStatus:
        """At the command line."""
        does = promote_by_hand if part == "promote" else end_by_hand
        return does(self.departments, self.model, by=person, reason="It refers fewer people.", key_file=self.key(person))

    def envelope(self, part: RolloutPart = "promote", person: str = "operator", **changes: Any) -> Envelope:
        """What somebody signed who did not use the command line."""
        statement = rollout_to_sign(self.departments, self.model, part, person=person, reason="It refers fewer people.")
        return signed(statement.model_copy(update=changes), load_key(self.key(person)), self.departments.people)

    def send(self, envelope: Envelope) -> None:
        """To the gateway's socket, past the command line."""
        PeoplesWord(self.departments)(Word.signed(envelope), self.about)

    def attempts(self) -> list[tuple[str, tuple[str, ...]]]:
        """In whose name somebody tried what about a rollout, by the rules that it broke."""
        found = self.departments.ledger.events(types=("SignatureBarred",))
        bodies = [standing.body_of(one, SignatureBarred) for one in found]
        return [(body.person, body.rules) for body in bodies if body.about == "rollout"]

    def verified(self) -> tuple[str, ...]:
        """What `lifecycle ledger verify` finds."""
        signed_now(self.departments)
        looking = Departments(self.departments.settings, make=False)
        result = verify_ledger(self.departments.ledger, self.departments.ledger_key, checks=(PeopleCheck(looking),))
        return tuple(finding.what for finding in result.findings)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """As if people governed in `local`."""
    monkeypatch.setattr(rollout_words, "UNGOVERNED", "nowhere")
    return House(tmp_path)


def refused(attempt: Callable[[], object], *rules: str) -> None:
    with pytest.raises(Refused) as refusal:
        attempt()
    assert refusal.value.rules == rules


@pytest.mark.parametrize("part", PARTS)
def test_an_operator_and_the_risk_officer_promote_and_end(house: House, part: RolloutPart) -> None:
    """What they signed reaches the gateway, which finds the same."""
    for person in ("operator", house.cast.officer):
        house.say(part, person)
    assert [(word.part, word.by) for word in house.gateway.took] == [(part, "operator"), (part, house.cast.officer)]
    assert all(word.envelope is not None for word in house.gateway.took)
    assert (house.attempts(), house.verified()) == ([], ())


def test_the_owner_ends_and_does_not_promote(house: House) -> None:
    """An end has the version serve nobody; a promotion is not for who made it."""
    house.say("end", house.owner)
    refused(lambda: house.say("promote", house.owner), "RLT-004")
    assert [word.part for word in house.gateway.took] == ["end"]


@pytest.mark.parametrize("part", PARTS)
def test_somebody_without_the_role_is_refused(house: House, part: RolloutPart) -> None:
    """Attack: a clerk's signature holds, and gives no right; the attempt is kept and the gateway never hears of it."""
    refused(lambda: house.say(part, "clerk"), "RLT-001")
    assert (house.gateway.took, house.attempts()) == ([], [("clerk", ("RLT-001",))])
    assert house.verified() == ()


def test_nobody_promotes_their_own_work(house: House) -> None:
    """Attack: whoever made the version holds the role `risk` as well. They may end it: it serves nobody then."""
    refused(lambda: house.say("promote", house.cast.engineer), "RLT-004")
    house.say("end", house.cast.engineer)
    assert [word.part for word in house.gateway.took] == ["end"]
    assert house.attempts() == [(house.cast.engineer, ("RLT-004",))]


def test_nobody_signs_with_the_key_of_another(house: House) -> None:
    """Attack: the clerk's key, in the operator's name."""
    refused(
        lambda: promote_by_hand(house.departments, house.model, by="operator", reason="Because.", key_file=house.key("clerk")),
        "KEY-ENROLLED",
    )
    assert house.gateway.took == []


def test_a_key_without_a_name_signs_nothing(house: House) -> None:
    """It says what is missing."""
    with pytest.raises(InvalidDeclaration, match="in somebody's name"):
        end_by_hand(house.departments, house.model, reason="Because.", key_file=house.key("operator"))


# What stands in the ledger.


def promoted(house: House, envelope: Envelope) -> None:
    """Has credit:1 approved, allowed and rolled out as `r1`, and the gateway tell that it was promoted on this word."""
    departments, officer = house.departments, house.cast.officer
    approve_version(departments, "credit", 1, person=officer, key_file=house.key(officer), reason="Within its limits.")
    step = Step(run_id="deploy")
    decision = ask(departments, deployment_input(departments, house.model, 1, step), step)
    request_rollout(departments, house.model, 1, decision.id, "r1", step)
    word = Word.signed(envelope)
    body = RolloutCompleted(
        rollout_id="r1",
        superseded_version=None,
        superseded_digest=None,
        observed=(),
        promoted_by=word.by,
        reason=word.reason,
        envelope=envelope,
    )
    gateway = Actor(id="gateway", kind="service")
    departments.ledger.append(Event.happened(body, subject=house.about, actor=gateway, environment="local"))


def test_the_record_of_a_promotion_holds_what_was_signed(house: House) -> None:
    """It verifies, and nobody says the same again."""
    envelope = house.envelope()
    statement = RolloutStatement.parse(envelope.payload_bytes())
    assert not said_before(house.departments, statement)
    promoted(house, envelope)
    assert house.verified() == ()
    assert said_before(house.departments, statement)
    assert not said_before(house.departments, statement.model_copy(update={"nonce": "another"}))


def test_record_a_promotion_that_nobody_signed(house: House) -> None:
    """Attack: whoever can append to the ledger writes the operator's name on it; verification knows their key."""
    forged = house.envelope().model_copy(update={"signature": base64.b64encode(bytes(64)).decode()})
    promoted(house, forged)
    (only,) = house.verified()
    assert "RolloutCompleted" in only
    assert "does not hold what operator signed" in only


# Past the command line: whoever can write to the gateway's socket.


@pytest.mark.parametrize("part", PARTS)
def test_an_unsigned_word_is_nobodys(house: House, part: RolloutPart) -> None:
    """Attack: to write the name of somebody who may."""
    word = Word(part=part, rollout_id="r1", reason="Because.", by="operator")
    refused(lambda: PeoplesWord(house.departments)(word, house.about), "RLT-002")


def test_a_forged_envelope_is_refused_and_the_attempt_kept(house: House) -> None:
    """Attack: the operator's name on what nobody signed, and on what they signed otherwise."""
    envelope = house.envelope()
    forged = envelope.model_copy(update={"signature": base64.b64encode(bytes(64)).decode()})
    with pytest.raises(Tampered):
        house.send(forged)
    other = RolloutStatement.parse(envelope.payload_bytes()).model_copy(update={"part": "end"})
    swapped = envelope.model_copy(update={"payload": base64.b64encode(other.canonical()).decode()})
    with pytest.raises(Tampered):
        house.send(swapped)
    assert house.attempts() == [("operator", ("SIGNATURE",))] * 2
    assert house.verified() == ()


def test_a_word_says_what_was_signed(house: House) -> None:
    """Attack: another part, reason, rollout or name around an envelope that holds."""
    envelope = house.envelope()
    true = Word.signed(envelope)
    for changes in ({"part": "end"}, {"reason": "Another."}, {"rollout_id": "r2"}, {"by": "clerk"}):
        with pytest.raises(MalformedRecord):
            Word.of({**true.as_json(), **changes})


@pytest.mark.parametrize(
    "changes",
    [{"model": "churn"}, {"version": 2}, {"model_digest": OTHER_DIGEST}, {"environment": "production"}],
    ids=lambda changes: next(iter(changes)),
)
def test_what_was_signed_about_something_else_is_refused(house: House, changes: dict[str, Any]) -> None:
    """Attack: a statement about other bytes or another environment, shown for this."""
    refused(lambda: house.send(house.envelope(**changes)), "RLT-003")


def test_a_word_on_one_rollout_says_nothing_about_the_next(house: House) -> None:
    """Attack: replayed against a later rollout of the same version, which has an id of its own."""
    envelope = house.envelope()
    word = Word.signed(envelope).model_copy(update={"rollout_id": "r2"})
    refused(lambda: PeoplesWord(house.departments)(word, house.about), "RLT-003")


def test_a_statement_that_has_expired_or_is_not_yet_made_is_refused(house: House) -> None:
    """Attack: kept for later, and dated ahead."""
    made = rollout_to_sign(house.departments, house.model, "promote", person="operator", reason="Because.")
    expired = house.envelope(signed_at_us=made.signed_at_us - 2 * HOUR_US, expires_at_us=made.signed_at_us - HOUR_US)
    ahead = house.envelope(signed_at_us=made.signed_at_us + HOUR_US, expires_at_us=made.signed_at_us + 2 * HOUR_US)
    for envelope in (expired, ahead):
        refused(lambda: house.send(envelope), "APR-004")  # noqa: B023  # called at once


def test_a_revoked_key_says_nothing_more(house: House) -> None:
    """Attack: signed before the key was taken back, sent after."""
    envelope = house.envelope()
    revoke(house.departments, envelope.key_id, reason="The laptop is gone.")
    refused(lambda: house.send(envelope), "KEY-ENROLLED")


def test_a_role_that_was_taken_away_since_counts_no_more(house: House) -> None:
    """A gateway that has run for long asks the registry of now."""
    envelope, asked = house.envelope(), PeoplesWord(house.departments)
    asked(Word.signed(envelope), house.about)
    file = house.departments.settings.home / "people.yaml"
    change(file, "- operator\n", "- clerk\n")
    refused(lambda: asked(Word.signed(envelope), house.about), "RLT-001")


def test_without_the_ledger_no_word_counts(house: House) -> None:
    """Fails closed: whether the key was taken back can't be known."""
    envelope = house.envelope()
    (house.departments.settings.home / "ledger").rename(house.departments.settings.home / "elsewhere")
    with pytest.raises(Unavailable):
        house.send(envelope)


def test_in_local_a_word_needs_no_signature_but_a_signature_must_hold(tmp_path: Path) -> None:
    """Whoever is named is enrolled; what is signed is looked at there too."""
    house = House(tmp_path)
    asked = PeoplesWord(house.departments)
    asked(Word(part="end", rollout_id="r1", reason="Because."), house.about)
    asked(Word(part="promote", rollout_id="r1", reason="Because.", by="clerk"), house.about)
    with pytest.raises(UnknownName):
        asked(Word(part="promote", rollout_id="r1", reason="Because.", by="nobody"), house.about)
    refused(lambda: house.say("promote", "clerk"), "RLT-001")
