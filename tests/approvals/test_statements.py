"""Statements: exactly these bytes, by exactly this person, in their time."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.approvals.keys import key_id_of, load_key
from lifecycle.approvals.people import Registry
from lifecycle.approvals.statements import opened, signed, signers, verified_approval
from lifecycle.errors import LifecycleError, MalformedRecord, Refused, Tampered, UnknownName
from lifecycle.proofs.dsse import pre_authentication
from lifecycle.records.approval import Envelope, Statement
from tests.approvals.people_files import registry, somebody

SIGNED_AT, EXPIRES_AT = 1_000, 2_000
STATEMENT = Statement(
    decision="approve",
    approver="officer",
    reason="The evidence meets the limits.",
    model="credit",
    version=7,
    model_digest="sha256:" + "1" * 64,
    dataset_digest="sha256:" + "2" * 64,
    report_digest="sha256:" + "3" * 64,
    evidence_digest="sha256:" + "4" * 64,
    bundle_digest="sha256:" + "5" * 64,
    environment="local",
    requested_by_decision="decision",
    nonce="n",
    signed_at_us=SIGNED_AT,
    expires_at_us=EXPIRES_AT,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("people")


@pytest.fixture(scope="module")
def people(folder: Path) -> Registry:
    """A risk officer, and an engineer, each with a key."""
    return registry(folder, somebody("officer", folder, roles=["risk"]), somebody("engineer", folder, teams=["modelling"]))


@pytest.fixture(scope="module")
def envelope(folder: Path, people: Registry) -> Envelope:
    return signed(STATEMENT, load_key(folder / "officer.key"), people)


def test_what_is_signed_is_what_dsse_says() -> None:
    """The example of the DSSE specification (protocol.md, v1.0.2)."""
    assert pre_authentication("http://example.com/HelloWorld", b"hello world") == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_a_statement_comes_back_as_it_was_signed(envelope: Envelope, people: Registry) -> None:
    """Verified, it is the same record, with the same canonical bytes."""
    assert opened(envelope, Statement, people, SIGNED_AT) == STATEMENT
    assert base64.b64decode(envelope.payload) == STATEMENT.canonical()


def test_the_gate_sees_whom_the_approver_acts_as(envelope: Envelope, people: Registry) -> None:
    """The approval carries the digests, the roles and the times that the policy looks at."""
    approval = verified_approval("event", envelope, people, consumed=False, at_us=SIGNED_AT)
    assert approval is not None
    assert (approval.approver, approval.roles, approval.subject_digest) == ("officer", ("risk",), STATEMENT.model_digest)
    assert (approval.approved_at_us, approval.expires_at_us) == (SIGNED_AT, EXPIRES_AT)


@given(st.data())
def test_any_changed_byte_voids_it(envelope: Envelope, people: Registry, data: st.DataObject) -> None:
    """One changed byte of payload or signature, and nothing verifies."""
    field = data.draw(st.sampled_from(("payload", "signature")))
    content = bytearray(base64.b64decode(getattr(envelope, field)))
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    changed = envelope.model_copy(update={field: base64.b64encode(content).decode()})
    with pytest.raises(Tampered):
        opened(changed, Statement, people, SIGNED_AT)
    assert verified_approval("event", changed, people, consumed=False, at_us=SIGNED_AT) is None


@pytest.mark.parametrize("text", ["", "AA", "!!!!", "AA==\n"])
def test_a_signature_that_is_none_is_refused(envelope: Envelope, people: Registry, text: str) -> None:
    """Nothing, too short, no base64."""
    with pytest.raises((Tampered, MalformedRecord)):
        opened(envelope.model_copy(update={"signature": text}), Statement, people, SIGNED_AT)


@pytest.mark.parametrize(("at_us", "rule"), [(SIGNED_AT - 1, "APR-004"), (EXPIRES_AT, "APR-004")])
def test_it_counts_from_its_signing_to_its_expiry(envelope: Envelope, people: Registry, at_us: int, rule: str) -> None:
    """Before it was signed and from its expiry on it is refused."""
    assert opened(envelope, Statement, people, EXPIRES_AT - 1) == STATEMENT
    with pytest.raises(Refused) as refusal:
        opened(envelope, Statement, people, at_us)
    assert refusal.value.rules == (rule,)


def test_nobody_signs_in_another_s_name(folder: Path, people: Registry) -> None:
    """The key must be the approver's own: when signing, and again when verifying."""
    with pytest.raises(Refused) as refusal:
        signed(STATEMENT, load_key(folder / "engineer.key"), people)
    assert refusal.value.rules == ("KEY-ENROLLED",)
    key = load_key(folder / "engineer.key")
    payload = STATEMENT.canonical()
    forged = Envelope(
        payload_type=Statement.payload_type,
        payload=base64.b64encode(payload).decode(),
        key_id=people.person("engineer").keys[0].id,
        signature=base64.b64encode(key.sign(pre_authentication(Statement.payload_type, payload))).decode(),
    )
    with pytest.raises(Refused) as refusal:
        opened(forged, Statement, people, SIGNED_AT)
    assert refusal.value.rules == ("KEY-OWNER",)


def test_another_s_key_id_does_not_verify(envelope: Envelope, people: Registry) -> None:
    """The id says which key must have signed; the signature says which one did."""
    with pytest.raises(Tampered):
        opened(envelope.model_copy(update={"key_id": people.person("engineer").keys[0].id}), Statement, people, SIGNED_AT)


def test_a_stranger_and_a_person_without_a_key_cannot_sign(folder: Path, tmp_path: Path) -> None:
    """Clear words for both."""
    key = load_key(folder / "officer.key")
    with pytest.raises(UnknownName, match="officer"):
        signed(STATEMENT, key, registry(tmp_path, somebody("engineer")))
    with pytest.raises(Refused, match="not enrolled for officer"):
        signed(STATEMENT, key, registry(tmp_path, somebody("officer")))


def test_an_approval_does_not_outlive_its_key_s_place(envelope: Envelope, tmp_path: Path) -> None:
    """Somebody who has left the registry has approved nothing any more."""
    assert verified_approval("event", envelope, registry(tmp_path, somebody("engineer")), consumed=False, at_us=SIGNED_AT) is None


@pytest.mark.parametrize("dated", [{"until_us": SIGNED_AT}, {"from_us": SIGNED_AT + 1}, {"until_us": SIGNED_AT + 10}])
def test_a_key_out_of_force_signs_nothing(envelope: Envelope, people: Registry, tmp_path: Path, dated: dict[str, int]) -> None:
    """A key counts where it was in force at the signing, and still is."""
    keys = [{**people.person("officer").keys[0].model_dump(exclude_none=True), **dated}]
    with pytest.raises(Refused) as refusal:
        opened(envelope, Statement, registry(tmp_path, {"id": "officer", "roles": ["risk"], "keys": keys}), SIGNED_AT + 20)
    assert refusal.value.rules == ("KEY-IN-FORCE",)


def test_another_type_of_payload_is_no_approval(envelope: Envelope, people: Registry) -> None:
    """A signature over something else is not taken for an approval."""
    with pytest.raises(Refused):
        opened(envelope.model_copy(update={"payload_type": "application/json"}), Statement, people, SIGNED_AT)


def test_bytes_that_are_not_canonical_are_not_a_statement(folder: Path, people: Registry) -> None:
    """Rightly signed, but written in another way: two texts would be one statement."""
    key, payload = load_key(folder / "officer.key"), STATEMENT.model_dump_json(indent=1).encode()
    loose = Envelope(
        payload_type=Statement.payload_type,
        payload=base64.b64encode(payload).decode(),
        key_id=people.person("officer").keys[0].id,
        signature=base64.b64encode(key.sign(pre_authentication(Statement.payload_type, payload))).decode(),
    )
    with pytest.raises(Tampered, match="canonical"):
        opened(loose, Statement, people, SIGNED_AT)


def test_a_delegation_that_ran_out_still_bars_and_no_longer_gives(folder: Path, tmp_path: Path, people: Registry) -> None:
    """Names count at either time, roles only at both."""
    envelope = signed(STATEMENT, load_key(folder / "officer.key"), people)
    officer = people.person("officer").model_dump(mode="json", exclude_none=True) | {"roles": []}
    chief = somebody("chief", roles=["risk"])
    lent = registry(tmp_path, officer, chief, delegations=[{"from": "chief", "to": "officer", "until_us": SIGNED_AT + 1}])
    during = verified_approval("event", envelope, lent, consumed=False, at_us=SIGNED_AT)
    after = verified_approval("event", envelope, lent, consumed=False, at_us=SIGNED_AT + 5)
    assert during is not None
    assert after is not None
    assert (during.roles, during.also) == (("risk",), ("chief",))
    assert (after.roles, after.also) == ((), ("chief",))


def test_those_who_can_sign_for_a_role_are_known(folder: Path, people: Registry) -> None:
    """Who holds the role and has a key in force."""
    assert signers(people, "risk", SIGNED_AT) == ("officer",)
    assert signers(people, "auditor", SIGNED_AT) == ()
    assert key_id_of((folder / "officer.pub").read_text().strip()) == people.person("officer").keys[0].id


def test_every_refusal_is_one_of_ours(envelope: Envelope, people: Registry) -> None:
    """No error of a library crosses: even bytes that are no JSON, rightly signed or not."""
    for field, text in (("payload", "e30="), ("payload", "AAAA"), ("key_id", "")):
        with pytest.raises(LifecycleError):
            opened(envelope.model_copy(update={field: text}), Statement, people, SIGNED_AT)
