"""Access in somebody's name: who may grant it and take it back, what is recorded of it, and what counts where people govern."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lifecycle.approvals.keys import create_key
from lifecycle.errors import LifecycleError, Refused, Tampered
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.life.access import deciding, granting
from lifecycle.life.access.deciding import AccessDecider
from lifecycle.life.access.granting import Granted, grant_access, revoke_access
from lifecycle.life.access.grants import grants
from lifecycle.life.access.signed_access import record_access
from lifecycle.life.checking.people_check import PeopleCheck
from lifecycle.life.gates import standing
from lifecycle.life.gates.asking import ask
from lifecycle.life.gates.judging import deployment_input
from lifecycle.life.people.approval import approve_version
from lifecycle.life.people.enrolment import enrol
from lifecycle.life.recording import Step
from lifecycle.life.revocation import revoke
from lifecycle.life.signing import signed_now
from lifecycle.records.approval import AccessStatement, Envelope
from lifecycle.records.bodies.access import AccessGranted, AccessRevoked
from lifecycle.wiring import Departments
from tests.scenarios.homes import copy_of_home_at_the_gate

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("life")]


class Office:
    """credit:1 may serve; an operator and a clerk have keys of their own."""

    def __init__(self, folder: Path) -> None:
        self.departments, self.cast = copy_of_home_at_the_gate(folder)
        self._keys = folder / "keys"
        self._keys.mkdir()
        approve_version(
            self.departments, "credit", 1, person=self.cast.officer, key_file=self.cast.key(self.cast.officer), reason="Within limits."
        )
        step = Step(run_id="deployed")
        assert ask(self.departments, deployment_input(self.departments, self.departments.model("credit"), 1, step), step).allowed
        for person in ("operator", "clerk"):
            create_key(self.key(person))
            enrol(self.departments, person, roles=(person,), public_key=self.key(person).with_suffix(".pub"))

    def key(self, person: str) -> Path:
        return self._keys / f"{person}.key"

    def granted(self, person: str = "operator", **changes: Any) -> Granted:
        given: dict[str, Any] = {"models": ["credit"], "tier": "standard", "days": 90, "reason": "ours", **changes}
        return grant_access(self.departments, "portal", person=person, key_file=self.key(person), **given)

    def passes(self) -> int:
        """How many callers a gateway would let in that has just started."""
        digest = standing.trained(self.departments, "credit", 1).event.subject.digest
        assert digest is not None
        return len(AccessDecider(self.departments)((("credit", 1, digest),)).passes)

    def found(self) -> list[str]:
        """What `lifecycle ledger verify` finds."""
        signed_now(self.departments)
        looking = Departments(self.departments.settings, make=False)
        return [
            one.what for one in verify_ledger(self.departments.ledger, self.departments.ledger_key, checks=(PeopleCheck(looking),)).findings
        ]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


@pytest.fixture
def governed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if people governed in `local`."""
    for module in (deciding, granting):
        monkeypatch.setattr(module, "UNGOVERNED", "nowhere")


def body_of(made: Granted) -> AccessGranted:
    return standing.body_of(made.recorded, AccessGranted)


@pytest.mark.usefixtures("governed")
def test_what_an_operator_grants_counts_until_they_take_it_back(office: Office) -> None:
    """The records are theirs, say what they signed, and pass verification; the gateway lets the caller in, and then not."""
    made = office.granted()
    assert (made.recorded.event.actor.id, made.recorded.event.actor.authenticated) == ("operator", True)
    assert office.passes() == 1
    ended = revoke_access(office.departments, body_of(made).grant_id, reason="replaced", person="operator", key_file=office.key("operator"))
    assert ended.event.actor.id == "operator"
    assert [one.state(0) for one in grants(office.departments)] == ["revoked"]
    assert office.found() == []


@pytest.mark.usefixtures("governed")
def test_where_people_govern_nobody_grants_or_takes_back_in_no_name(office: Office) -> None:
    """Neither is recorded, and a grant that a ledger holds unsigned lets nobody in."""
    made = office.granted()
    with pytest.raises(Refused) as refused:
        grant_access(office.departments, "portal", models=["credit"], tier="standard", days=1, reason="ours")
    assert refused.value.rules == ("ACS-002",)
    with pytest.raises(Refused):
        revoke_access(office.departments, body_of(made).grant_id, reason="replaced")
    unsigned = made.recorded.event.model_copy(
        update={"id": "unsigned", "sequence": None, "body": body_of(made).model_copy(update={"envelope": None, "grant_id": "unsigned"})}
    )
    office.departments.ledger.append(unsigned)
    assert office.passes() == 1


@pytest.mark.parametrize("does", ["grants", "takes back"])
def test_who_may_not_leaves_an_attempt_and_nothing_else(office: Office, does: str) -> None:
    """A clerk with a key of their own: refused, and the refusal stands in the ledger."""
    made = office.granted()

    def taken_back() -> None:
        revoke_access(office.departments, body_of(made).grant_id, reason="mine", person="clerk", key_file=office.key("clerk"))

    with pytest.raises(Refused) as refused:
        (taken_back if does == "takes back" else lambda: office.granted("clerk"))()
    assert refused.value.rules == ("ACS-001",)
    (attempt,) = office.departments.ledger.events(types=("SignatureBarred",))
    assert attempt.event.actor.id == "clerk"
    assert [one.state(0) for one in grants(office.departments)] == ["in force"]
    assert office.found() == []


def _forged(envelope: Envelope) -> Envelope:
    return envelope.model_copy(update={"signature": "A" * 86 + "=="})


def _of_another(envelope: Envelope) -> Envelope:
    import base64

    more = envelope.holding(AccessStatement).model_copy(update={"models": ("credit", "fraud")})
    return envelope.model_copy(update={"payload": base64.b64encode(more.canonical()).decode()})


def _with_labels(envelope: Envelope) -> Envelope:
    import base64

    more = envelope.holding(AccessStatement).model_copy(update={"labels": "any"})
    return envelope.model_copy(update={"payload": base64.b64encode(more.canonical()).decode()})


@pytest.mark.parametrize("change", [_forged, _of_another, _with_labels])
def test_what_was_not_signed_grants_nothing(office: Office, change: Callable[[Envelope], Envelope]) -> None:
    """Another signature, and another statement under a signature that holds for the first."""
    envelope = body_of(office.granted()).envelope
    assert envelope is not None
    size = office.departments.ledger.head().size
    with pytest.raises((Tampered, Refused)):
        record_access(office.departments, change(envelope))
    assert office.departments.ledger.head().size == size


def test_the_same_signature_grants_once(office: Office) -> None:
    """Sent again it is the record that stands."""
    made = office.granted()
    envelope = body_of(made).envelope
    assert envelope is not None
    assert record_access(office.departments, envelope) == made.recorded
    assert len(grants(office.departments)) == 1


def test_a_record_can_not_say_more_than_was_signed(office: Office) -> None:
    """More models, a later end, another key, labels as well: no such record can be made."""
    body = body_of(office.granted())
    changes: tuple[dict[str, Any], ...] = (
        {"models": ("credit", "fraud")},
        {"expires_at_us": body.expires_at_us + 1},
        {"credential_digest": "sha256:" + "0" * 64},
        {"labels": "any"},
    )
    for change in changes:
        with pytest.raises(LifecycleError, match="than was signed"):
            AccessGranted(**{**dict(body), **change})
    with pytest.raises(LifecycleError):
        AccessRevoked(grant_id=body.grant_id, principal="portal", reason="ours", envelope=body.envelope)


@pytest.mark.usefixtures("governed")
def test_a_grant_with_a_signature_that_is_nobodys_lets_nobody_in_and_is_found(office: Office) -> None:
    """Written into the ledger past everything else: no pass, and `ledger verify` names the record."""
    made = office.granted()
    envelope = body_of(made).envelope
    assert envelope is not None
    revoke_access(office.departments, body_of(made).grant_id, reason="replaced", person="operator", key_file=office.key("operator"))
    forged = body_of(made).model_copy(update={"envelope": _forged(envelope)})
    office.departments.ledger.append(made.recorded.event.model_copy(update={"id": "forged", "sequence": None, "body": forged}))
    assert any("does not hold what operator signed" in found for found in office.found())
    assert not [one for one in AccessDecider(office.departments)._in_force() if one.state(0) == "in force"]


@pytest.mark.usefixtures("governed")
def test_a_key_that_is_revoked_leaves_what_it_granted_and_one_in_other_hands_does_not(office: Office) -> None:
    """A lost key takes nobody's access; from the moment that it was stolen it granted nothing."""
    made = office.granted()
    envelope = body_of(made).envelope
    assert envelope is not None
    revoke(office.departments, envelope.key_id, reason="A new one is in use.")
    assert office.passes() == 1
    revoke(office.departments, envelope.key_id, reason="It was stolen.", since_us=made.recorded.event.occurred_at_us - 1)
    assert office.passes() == 0
