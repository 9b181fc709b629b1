"""Grants and stolen keys held against the ledger: whoever grants or takes back holds the role for it, and what never counted is told."""

from __future__ import annotations

import base64

import pytest

from lifecycle.approvals.people import Person, Registry
from lifecycle.ledger.verifying.checks import Check
from lifecycle.ledger.verifying.findings import Finding
from lifecycle.life.checking.access_check import AccessCheck
from lifecycle.life.checking.stolen_keys_check import StolenKeysCheck
from lifecycle.life.people.known_keys import KnownKeys
from lifecycle.records import bodies
from lifecycle.records.approval import AccessStatement, AnyStatement, Envelope, RevocationStatement
from lifecycle.records.events import Actor, Event, Subject
from lifecycle.records.record import Digest
from tests.records.samples.happenings import of_access, of_decisions, of_serving

AT_US = 1_790_000_000_000_000
GRANT = next(event.body for event in of_access() if isinstance(event.body, bodies.AccessGranted) and event.body.envelope is not None)


def enveloped(statement: AnyStatement) -> Envelope:
    """With a signature that is none: whether it holds is for another check."""
    payload = base64.b64encode(statement.canonical()).decode()
    return Envelope(payload_type=type(statement).payload_type, payload=payload, key_id="key-of-rita", signature="AAAA")


def granted(signer: str, environment: str = "staging") -> Event:
    assert GRANT.envelope is not None
    said = GRANT.envelope.holding(AccessStatement).model_copy(update={"signer": signer, "environment": environment})
    return happened(bodies.AccessGranted.signed(enveloped(said)), "key", said.grant_id, actor=signer, environment=environment)


def taken_back(signer: str, *, grant_id: str = GRANT.grant_id, principal: str = GRANT.principal) -> Event:
    said = RevocationStatement(
        revokes="access",
        target=grant_id,
        model_digest=None,
        compromised_from=None,
        signer=signer,
        reason="No longer needed.",
        environment="staging",
        nonce="00112233445566778899aabbccddeeff",
        signed_at_us=AT_US,
        expires_at_us=AT_US + 1,
    )
    body = bodies.AccessRevoked(grant_id=grant_id, principal=principal, reason=said.reason, envelope=enveloped(said))
    return happened(body, "key", grant_id, actor=signer)


def happened(body: bodies.Body, kind: str, name: str, *, actor: str = "rita", environment: str = "staging") -> Event:
    subject = Subject.of({"kind": kind, "name": name})
    return Event.happened(body, subject=subject, actor=Actor(id=actor, kind="human"), environment=environment, at_us=AT_US)


def people(*operators: str) -> Registry:
    names = {*operators, "rita", "sam"}
    registry = {name: Person(id=name, roles=("operator",) if name in operators else ("clerk",)) for name in names}
    return Registry(people=registry, origin=dict.fromkeys(names, "project"), groups=(), delegations=())


def findings(*events: Event, registry: Registry | None = None) -> list[Finding]:
    """What the check of access says of these, where the people of this home are those of the project."""
    check = AccessCheck(KnownKeys(lambda digest: b""), lambda: registry or people("rita"))
    return found(check, *events)


def found(check: Check, *events: Event) -> list[Finding]:
    return [*(one for index, event in enumerate(events) for one in check.look_at(index, event)), *check.end()]


def test_access_by_an_operator_is_no_finding() -> None:
    """Granted and taken back by somebody who may."""
    assert findings(granted("rita"), taken_back("rita")) == []


def test_grant_access_without_the_role() -> None:
    """Attack: a clerk's signature holds, and gives no right."""
    (only,) = findings(granted("sam"))
    assert "grants access on the word of sam, who held none of the roles governor, operator" in only.what
    assert only.breaks == "L0"


def test_take_access_back_without_the_role() -> None:
    """Attack: an application is cut off by somebody who may not."""
    (only,) = findings(granted("rita"), taken_back("sam"))
    assert "takes access back on the word of sam" in only.what


def test_in_local_nobody_needs_a_role() -> None:
    """There access is granted without a signature; one more proves nothing."""
    assert findings(granted("sam", environment="local")) == []


def test_take_back_what_nobody_granted() -> None:
    """Attack: a revocation of an unknown grant, so that a later one of that id never counts."""
    (only,) = findings(taken_back("rita", grant_id="01a20a74-0000-7000-8000-000000000000"))
    assert "which no record before it grants" in only.what


def test_take_access_back_in_the_name_of_another_application() -> None:
    """Attack: whoever looks for what happened to `principal` finds the wrong one."""
    (only,) = findings(granted("rita"), taken_back("rita", principal="somebody_else"))
    assert "as one of somebody_else" in only.what


@pytest.mark.parametrize(("person", "tried", "about"), [("rita", "sam", "rita"), ("rita", "rita", "sam"), ("rita", "sam", "sam")])
def test_keep_an_attempt_in_anybody_s_name(person: str, tried: str, about: str) -> None:
    """Attack: the page of one person shows what another is said to have tried."""
    body = bodies.SignatureBarred(person=person, about="approval", rules=("SIGNATURE",), reason="It does not hold.")
    (only,) = findings(happened(body, "person", about, actor=tried))
    assert f"in the name of {person}" in only.what


def approved(environment: str = "staging") -> tuple[Event, Digest]:
    event = next(event for event in of_decisions() if isinstance(event.body, bodies.ApprovalGiven))
    assert isinstance(event.body, bodies.ApprovalGiven)
    return event.model_copy(update={"environment": environment}), event.body.statement.content_digest()


def decided(digest: Digest) -> tuple[Event, str]:
    event = next(event for event in of_decisions() if isinstance(event.body, bodies.DecisionMade))
    assert isinstance(event.body, bodies.DecisionMade)
    return event.model_copy(update={"body": event.body.model_copy(update={"consumed": (digest,)})}), event.body.decision.id


def stolen(key_id: str, since: int, environment: str = "production") -> Event:
    body = bodies.KeyRevoked(person="rita", key_id=key_id, reason="stolen", compromised_from=since)
    return happened(body, "key", key_id, environment=environment)


def key_of(event: Event) -> str:
    assert isinstance(event.body, bodies.ApprovalGiven)
    return event.body.envelope.key_id


def test_an_approval_by_a_key_in_other_hands_is_told_with_what_counted_it() -> None:
    """The ledger holds: what happened happened. The reader learns which decision rests on nothing."""
    approval, digest = approved()
    decision, _ = decided(digest)
    told = found(StolenKeysCheck(), approval, decision, stolen(key_of(approval), 0))
    assert [one.breaks for one in told] == [None, None]
    assert "never counted: the key" in told[0].what
    assert "(DecisionMade" in told[1].what


@pytest.mark.parametrize(("since", "environment"), [(1, "production"), (0, "local")], ids=["signed before", "said in local"])
def test_an_approval_of_before_or_elsewhere_stands(since: int, environment: str) -> None:
    """What was recorded before the key was in other hands counts; a word in `local` voids nothing where people govern."""
    approval, _ = approved()
    assert found(StolenKeysCheck(), approval, stolen(key_of(approval), since, environment)) == []


def test_roll_out_by_an_approval_that_never_counted() -> None:
    """Attack: everybody can know that the key was stolen, and what it let pass is rolled out all the same."""
    approval, digest = approved()
    decision, decision_id = decided(digest)
    asked = next(event for event in of_serving() if isinstance(event.body, bodies.RolloutRequested))
    assert isinstance(asked.body, bodies.RolloutRequested)
    asked = asked.model_copy(update={"body": asked.body.model_copy(update={"decision_id": decision_id})})
    before = [one.breaks for one in found(StolenKeysCheck(), approval, decision, asked, stolen(key_of(approval), 0))]
    after = [one.breaks for one in found(StolenKeysCheck(), approval, decision, stolen(key_of(approval), 0), asked)]
    assert (before, after) == ([None, None], [None, None, "L0"])
