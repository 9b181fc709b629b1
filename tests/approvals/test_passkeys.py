"""Approvals by passkey: exactly these bytes, by exactly this authenticator, on exactly this page, with its user present."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from webauthn import verify_authentication_response
from webauthn.helpers.exceptions import WebAuthnException

from lifecycle.approvals.keys import create_key, key_id_of, load_key
from lifecycle.approvals.passkeys import ForgedAssertion, decode_cose, encode_cose
from lifecycle.approvals.people import Registry
from lifecycle.approvals.statements import asserted, opened, signed, verified_approval
from lifecycle.errors import InvalidDeclaration, LifecycleError, MalformedRecord, Tampered
from lifecycle.proofs.dsse import pre_authentication
from lifecycle.records.approval import Envelope, Statement, WaiverStatement
from lifecycle.records.passkeys import Assertion
from tests.approvals.people_files import registry
from tests.approvals.test_statements import SIGNED_AT, STATEMENT
from tests.desk.authenticators import ORIGIN, PRESENT, VERIFIED, Authenticator, base64url, ed25519_authenticator

RP_ID = "localhost"


def entry(authenticator: Authenticator, **passkey: str) -> dict[str, Any]:
    """A passkey as people.yaml has it."""
    place = {"credential_id": base64url(authenticator.credential_id), "rp_id": RP_ID, "origin": ORIGIN}
    return {"id": key_id_of(authenticator.public), "public": authenticator.public, "passkey": {**place, **passkey}}


def challenge(payload: bytes, payload_type: str = Statement.payload_type) -> str:
    return base64url(hashlib.sha256(pre_authentication(payload_type, payload)).digest())


def approved(authenticator: Authenticator, *, rp_id: str = RP_ID, origin: str = ORIGIN, asked: str = "", **wrong: Any) -> Envelope:
    """The statement, as this authenticator approves it."""
    data, client, signature = authenticator.assertion(asked or challenge(STATEMENT.canonical()), rp_id, origin, **wrong)
    assertion = Assertion(authenticator_data=base64.b64encode(data).decode(), client_data=base64.b64encode(client).decode())
    return asserted(STATEMENT, key_id_of(authenticator.public), assertion, signature)


@pytest.fixture(scope="module", params=[Authenticator, ed25519_authenticator], ids=["p-256", "ed25519"])
def authenticator(request: pytest.FixtureRequest) -> Authenticator:
    made: Authenticator = request.param()
    return made


@pytest.fixture(scope="module")
def people(authenticator: Authenticator, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """An officer with a passkey."""
    return registry(tmp_path_factory.mktemp("people"), {"id": "officer", "roles": ["risk"], "keys": [entry(authenticator)]})


def judged_by_another(envelope: Envelope, authenticator: Authenticator) -> bool:
    """Whether the library that browsers' tests are held against takes it, too."""
    assert envelope.assertion is not None
    name = base64url(authenticator.credential_id)
    response = {
        "clientDataJSON": base64url(base64.b64decode(envelope.assertion.client_data)),
        "authenticatorData": base64url(base64.b64decode(envelope.assertion.authenticator_data)),
        "signature": base64url(base64.b64decode(envelope.signature)),
    }
    try:
        verify_authentication_response(
            credential={"id": name, "rawId": name, "type": "public-key", "response": response},
            expected_challenge=hashlib.sha256(pre_authentication(Statement.payload_type, envelope.payload_bytes())).digest(),
            expected_rp_id=RP_ID,
            expected_origin=ORIGIN,
            credential_public_key=base64.b64decode(authenticator.public),
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except WebAuthnException:
        return False
    return True


def test_an_approval_by_passkey_comes_back_as_it_was_signed(authenticator: Authenticator, people: Registry) -> None:
    """Its envelope is all that is needed beside the registry, and another implementation agrees."""
    envelope = Envelope.parse(approved(authenticator).canonical())
    assert opened(envelope, Statement, people, SIGNED_AT) == STATEMENT
    assert judged_by_another(envelope, authenticator)
    approval = verified_approval("event", envelope, people, consumed=False, at_us=SIGNED_AT)
    assert approval is not None
    assert (approval.approver, approval.roles) == ("officer", ("risk",))


FORGERIES: dict[str, tuple[str, dict[str, Any]]] = {
    "another page": ("KEY-ORIGIN", {"origin": "http://localhost:8080"}),
    "a page of a look-alike domain": ("KEY-ORIGIN", {"origin": "https://localhost.example.com"}),
    "a frame in another page": ("KEY-ORIGIN", {"said": {"crossOrigin": True}}),
    "a frame in a page of another origin": ("KEY-ORIGIN", {"said": {"topOrigin": "https://example.com"}}),
    "no origin": ("KEY-ORIGIN", {"said": {"origin": None}}),
    "another relying party": ("KEY-RELYING-PARTY", {"rp_id": "example.com"}),
    "another challenge": ("KEY-CHALLENGE", {"asked": base64url(b"something else")}),
    "the same bytes as another type": ("KEY-CHALLENGE", {"asked": challenge(STATEMENT.canonical(), WaiverStatement.payload_type)}),
    "another nonce": ("KEY-CHALLENGE", {"asked": challenge(STATEMENT.model_copy(update={"nonce": "m"}).canonical())}),
    "a challenge with padding": ("KEY-CHALLENGE", {"asked": challenge(STATEMENT.canonical()) + "="}),
    "a registration": ("KEY-CHALLENGE", {"said": {"type": "webauthn.create"}}),
    "a payment": ("KEY-CHALLENGE", {"said": {"type": "payment.get"}}),
    "nobody there": ("KEY-PRESENCE", {"flags": VERIFIED}),
    "nobody made sure who": ("KEY-PRESENCE", {"flags": PRESENT}),
    "something behind": ("KEY-SIGNATURE", {"behind": b"\xa0"}),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_assertion_is_named_for_what_is_wrong_with_it(authenticator: Authenticator, people: Registry, forgery: str) -> None:
    """Each is rightly signed by the right authenticator, and is not what was asked for. Another implementation takes none that ours refuses
    for the challenge, the presence or the relying party."""
    rule, wrong = FORGERIES[forgery]
    envelope = approved(authenticator, **wrong)
    with pytest.raises(ForgedAssertion) as forged:
        opened(envelope, Statement, people, SIGNED_AT)
    assert forged.value.rules == (rule,)
    assert verified_approval("event", envelope, people, consumed=False, at_us=SIGNED_AT) is None
    stricter_here = {"a frame in another page", "a frame in a page of another origin", "a challenge with padding"}
    assert not judged_by_another(envelope, authenticator) or forgery in stricter_here


def test_the_same_page_on_another_port_is_another_page(authenticator: Authenticator, tmp_path: Path) -> None:
    """Every port of localhost is one relying party: the origin that the passkey was enrolled at keeps them apart."""
    elsewhere = registry(tmp_path, {"id": "officer", "keys": [entry(authenticator, origin="http://localhost:3002")]})
    with pytest.raises(ForgedAssertion, match="http://localhost:3002"):
        opened(approved(authenticator), Statement, elsewhere, SIGNED_AT)


def test_another_authenticator_does_not_sign_for_this_one(authenticator: Authenticator, people: Registry) -> None:
    """The id says which passkey must have signed; the signature says that it was another."""
    envelope = approved(Authenticator()).model_copy(update={"key_id": key_id_of(authenticator.public)})
    with pytest.raises(ForgedAssertion) as forged:
        opened(envelope, Statement, people, SIGNED_AT)
    assert forged.value.rules == ("KEY-SIGNATURE",)


@given(st.data())
def test_any_changed_byte_voids_it(authenticator: Authenticator, people: Registry, data: st.DataObject) -> None:
    """One changed byte of what was approved, of what the browser or the authenticator says, or of the signature."""
    envelope = approved(authenticator)
    assert envelope.assertion is not None
    part = data.draw(st.sampled_from(("payload", "signature", "authenticator_data", "client_data")))
    inside = part in Assertion.model_fields
    content = bytearray(base64.b64decode(getattr(envelope.assertion if inside else envelope, part)))
    content[data.draw(st.integers(0, 9_999)) % len(content)] ^= data.draw(st.integers(1, 255))
    changed = {part: base64.b64encode(content).decode()}
    update = {"assertion": envelope.assertion.model_copy(update=changed)} if inside else changed
    with pytest.raises(Tampered):
        opened(envelope.model_copy(update=update), Statement, people, SIGNED_AT)


@given(client=st.binary(max_size=200), authenticator_data=st.binary(max_size=80), signature=st.binary(max_size=80))
def test_hostile_bytes_are_refused_in_our_own_words(
    authenticator: Authenticator, people: Registry, client: bytes, authenticator_data: bytes, signature: bytes
) -> None:
    """No parser's exception gets out, whatever is sent."""
    encoded = [base64.b64encode(part).decode() for part in (authenticator_data, client)]
    assertion = Assertion(authenticator_data=encoded[0], client_data=encoded[1])
    envelope = asserted(STATEMENT, key_id_of(authenticator.public), assertion, signature)
    with pytest.raises(ForgedAssertion):
        opened(envelope, Statement, people, SIGNED_AT)


@pytest.mark.parametrize(
    "client", [b'{"type":"webauthn.get","type":"webauthn.get"}', b"[1]", b"\xff", b"null", b'{"type":"webauthn.get","origin":[]}']
)
def test_client_data_that_two_readers_could_read_differently_is_none(authenticator: Authenticator, people: Registry, client: bytes) -> None:
    """A key twice, no object, no text."""
    envelope = approved(authenticator)
    assert envelope.assertion is not None
    assertion = envelope.assertion.model_copy(update={"client_data": base64.b64encode(client).decode()})
    with pytest.raises(ForgedAssertion) as forged:
        opened(envelope.model_copy(update={"assertion": assertion}), Statement, people, SIGNED_AT)
    assert forged.value.rules == ("KEY-CHALLENGE",)


def test_what_is_no_base64_is_no_assertion(authenticator: Authenticator, people: Registry) -> None:
    """Refused as what it is."""
    broken = approved(authenticator).model_copy(update={"assertion": Assertion(authenticator_data="!", client_data="AAAA")})
    with pytest.raises(MalformedRecord):
        opened(broken, Statement, people, SIGNED_AT)


def test_an_assertion_and_a_plain_signature_do_not_pass_for_each_other(
    authenticator: Authenticator, people: Registry, tmp_path: Path
) -> None:
    """A key file signs without an assertion and a passkey with one: nothing may be left out or added."""
    without = approved(authenticator).model_copy(update={"assertion": None})
    with pytest.raises(Tampered, match="another kind"):
        opened(without, Statement, people, SIGNED_AT)
    public = create_key(tmp_path / "officer.key")
    with_file = registry(tmp_path, {"id": "officer", "keys": [{"id": key_id_of(public), "public": public}]})
    envelope = signed(STATEMENT, load_key(tmp_path / "officer.key"), with_file)
    assert opened(envelope, Statement, with_file, SIGNED_AT) == STATEMENT
    with pytest.raises(Tampered, match="another kind"):
        opened(envelope.model_copy(update={"assertion": approved(authenticator).assertion}), Statement, with_file, SIGNED_AT)


def test_a_public_key_has_one_text(authenticator: Authenticator) -> None:
    """Read and written again it is the same, and its id says that it is a passkey's."""
    assert encode_cose(decode_cose(authenticator.public)) == authenticator.public
    assert key_id_of(authenticator.public).startswith("passkey-")


def _rsa(raw: bytes) -> bytes:
    return bytes.fromhex("a401030339010020") + raw


@pytest.mark.parametrize(
    "broken",
    [
        lambda raw: raw[:-1],
        lambda raw: raw + b"\0",
        lambda raw: b"\xa6" + raw[1:],
        lambda raw: raw[:10] + bytes(32) + raw[42:],
        lambda raw: bytes(32),
        lambda raw: b"",
        _rsa,
    ],
    ids=["cut off", "something behind", "another map", "no point of the curve", "Ed25519 without COSE", "nothing", "RSA"],
)
def test_what_is_no_key_of_a_passkey_is_refused(broken: Callable[[bytes], bytes]) -> None:
    """Whatever is not exactly the COSE key on one of the two curves."""
    text = base64.b64encode(broken(base64.b64decode(Authenticator().public))).decode()
    with pytest.raises(InvalidDeclaration, match="Ed25519 or P-256"):
        decode_cose(text)


def test_a_key_on_another_curve_is_refused() -> None:
    """P-384 is no curve that a passkey here may be on."""
    with pytest.raises(InvalidDeclaration):
        encode_cose(ec.generate_private_key(ec.SECP384R1()).public_key())


def test_no_two_people_share_a_passkey(authenticator: Authenticator, tmp_path: Path) -> None:
    """Neither the key nor the credential."""
    other = {**entry(Authenticator()), "passkey": entry(authenticator)["passkey"]}
    with pytest.raises(InvalidDeclaration, match="passkey"):
        registry(tmp_path, {"id": "a", "keys": [entry(authenticator)]}, {"id": "b", "keys": [other]})
    with pytest.raises(InvalidDeclaration, match="the key"):
        registry(tmp_path, {"id": "a", "keys": [entry(authenticator)]}, {"id": "b", "keys": [entry(authenticator)]})


@pytest.mark.parametrize("wrong", [{"origin": "http://localhost:3001/"}, {"origin": "localhost"}, {"rp_id": "a b"}, {"credential_id": "x"}])
def test_a_passkey_that_could_never_speak_is_told(authenticator: Authenticator, tmp_path: Path, wrong: dict[str, str]) -> None:
    """The registry names the field."""
    with pytest.raises(InvalidDeclaration, match=next(iter(wrong))):
        registry(tmp_path, {"id": "officer", "keys": [entry(authenticator, **wrong)]})


def test_the_people_s_document_has_the_passkey(authenticator: Authenticator, people: Registry) -> None:
    """Whoever has the registry by its digest can verify offline, with no desk."""
    from_document = Registry.parse(people.document)
    assert opened(approved(authenticator), Statement, from_document, SIGNED_AT) == STATEMENT


def test_a_key_of_before_passkeys_keeps_its_bytes(tmp_path: Path) -> None:
    """The digest of a registry that has none is what it was."""
    public = create_key(tmp_path / "officer.key")
    without = registry(tmp_path, {"id": "officer", "keys": [{"id": key_id_of(public), "public": public}]})
    assert b"passkey" not in without.document


def test_a_revoked_passkey_approves_nothing(authenticator: Authenticator, people: Registry) -> None:
    """Without it in the registry nothing that it signed counts."""
    left = people.without_keys({key_id_of(authenticator.public)})
    with pytest.raises(LifecycleError, match="Nobody here has a key"):
        opened(approved(authenticator), Statement, left, SIGNED_AT)
