"""What browsers send of passkeys, read strictly (Web Authentication Level 2, §5.1 and §5.2, as JSON).

Assertions are judged by our own verifier, the one that auditors use; registrations, which are in CBOR, by the library `webauthn`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from lifecycle.approvals.keys import key_id_of
from lifecycle.approvals.passkeys import encode_cose
from lifecycle.approvals.people import Key
from lifecycle.desk.settings import DeskSettings
from lifecycle.errors import InvalidDeclaration, MalformedRecord, Refused
from lifecycle.records.passkeys import Assertion, CredentialId, Passkey
from lifecycle.records.record import ActorId, JsonObject

_Base64Url = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{0,16384}$")]
#: How the desk calls itself to an authenticator.
DESK_NAME = "Lifecycle approval desk"
#: Hostile bytes trip the library in any of these ways; it wraps only some of them.
_TRIPPED = (InvalidDeclaration, ValueError, LookupError, TypeError, AttributeError, OverflowError)


class _FromBrowser(BaseModel):
    """What a browser sends may say more than we read."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class _Response(_FromBrowser):
    clientDataJSON: _Base64Url  # noqa: N815  # the names are the standard's
    authenticatorData: _Base64Url  # noqa: N815  # likewise
    signature: _Base64Url


class _Credential(_FromBrowser):
    id: CredentialId
    response: _Response


class Answer(BaseModel):
    """An assertion, and the credential that is said to have made it."""

    model_config = ConfigDict(frozen=True)

    credential_id: str
    assertion: Assertion
    signature: bytes


def answer_in(credential: object) -> Answer:
    """The assertion that a browser sent. Raises MalformedRecord."""
    try:
        said = _Credential.model_validate(credential)
    except ValidationError as error:
        raise MalformedRecord("The browser sent no assertion of a passkey.", "Reload the page, and sign again.") from error
    assertion = Assertion(authenticator_data=_base64(said.response.authenticatorData), client_data=_base64(said.response.clientDataJSON))
    return Answer(credential_id=said.id, assertion=assertion, signature=_decoded(said.response.signature))


def request_options(settings: DeskSettings, challenge: bytes, passkeys: Iterable[Passkey] = ()) -> JsonObject:
    """What a browser is to ask of the authenticator: an answer to this challenge, by one of these passkeys or by any."""
    return {
        "challenge": _base64url(challenge),
        "rpId": settings.rp_id,
        "timeout": settings.ceremony_seconds * 1_000,
        "userVerification": "required",
        "allowCredentials": [{"type": "public-key", "id": passkey.credential_id} for passkey in passkeys],
    }


def creation_options(settings: DeskSettings, challenge: bytes, person: ActorId, passkeys: Iterable[Passkey]) -> JsonObject:
    """What a browser is to ask: a passkey that says who it is for by itself, on an authenticator that has none of these."""
    from webauthn.helpers.cose import COSEAlgorithmIdentifier

    # The same for every passkey of a person here, and nothing that says who they are.
    handle = hashlib.sha256(f"{settings.origin}\n{person}".encode()).digest()
    return {
        "challenge": _base64url(challenge),
        "rp": {"id": settings.rp_id, "name": DESK_NAME},
        "user": {"id": _base64url(handle), "name": person, "displayName": person},
        "pubKeyCredParams": [
            {"type": "public-key", "alg": algorithm.value}
            for algorithm in (COSEAlgorithmIdentifier.EDDSA, COSEAlgorithmIdentifier.ECDSA_SHA_256)
        ],
        "timeout": settings.ceremony_seconds * 1_000,
        "attestation": "none",
        "authenticatorSelection": {"residentKey": "required", "requireResidentKey": True, "userVerification": "required"},
        "excludeCredentials": [{"type": "public-key", "id": passkey.credential_id} for passkey in passkeys],
    }


def key_in(credential: object, challenge: bytes, settings: DeskSettings) -> tuple[Key, int]:
    """The passkey that an authenticator made in answer to this challenge, and how often it has signed.

    Raises Refused for an answer to something else, MalformedRecord for what is none.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from webauthn import verify_registration_response
    from webauthn.helpers import bytes_to_base64url, decode_credential_public_key, decoded_public_key_to_cryptography
    from webauthn.helpers.cose import COSEAlgorithmIdentifier
    from webauthn.helpers.exceptions import InvalidRegistrationResponse, WebAuthnException

    if not isinstance(credential, dict):
        raise MalformedRecord("The browser sent no passkey.", "Reload the page, and try again.")
    try:
        made = verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=settings.rp_id,
            expected_origin=settings.origin,
            require_user_verification=True,
            supported_pub_key_algs=[COSEAlgorithmIdentifier.EDDSA, COSEAlgorithmIdentifier.ECDSA_SHA_256],
        )
        public = decoded_public_key_to_cryptography(decode_credential_public_key(made.credential_public_key))
        text = encode_cose(public)  # type: ignore[arg-type]  # one of the two algorithms that were asked for
        passkey = Passkey(credential_id=bytes_to_base64url(made.credential_id), rp_id=settings.rp_id, origin=settings.origin)
    except InvalidRegistrationResponse as error:
        raise Refused(
            f"This passkey is not what was asked for: {error}.",
            "Open the link again in this browser, and register again.",
            ("KEY-CHALLENGE",),
        ) from error
    except (WebAuthnException, UnsupportedAlgorithm, *_TRIPPED) as error:
        raise MalformedRecord("The browser sent no passkey that can be read.", "Use another authenticator, and register again.") from error
    return Key(id=key_id_of(text), public=text, passkey=passkey), made.sign_count


def _decoded(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise MalformedRecord("The browser sent no base64.", "Reload the page, and sign again.") from error


def _base64(text: str) -> str:
    return base64.b64encode(_decoded(text)).decode("ascii")


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode("ascii").rstrip("=")
