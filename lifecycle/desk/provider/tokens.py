"""The ID token: asked for with the code, and judged before a word of it counts (OpenID Connect Core 1.0, §3.1.3)."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from lifecycle import outbound
from lifecycle.desk.provider.discovery import ALGORITHMS, MOST_BYTES, PATIENCE_SECONDS, Publications, json_answer
from lifecycle.desk.provider.settings import ProviderSettings
from lifecycle.errors import Refused
from lifecycle.records.record import JsonObject

if TYPE_CHECKING:
    from jwt.exceptions import PyJWTError

#: How far two clocks may be apart.
LEEWAY_SECONDS = 60
_AGAIN = "Sign in again; if it stays so, tell whoever runs the desk."


class TokenRefused(Refused):
    """A token that is not the provider's word to this desk about this sign-in."""


@dataclass(frozen=True)
class Claims:
    """Who somebody is by the provider's word, and which roles it lets them use; None where it is not asked."""

    person: str
    roles: tuple[str, ...] | None


def id_token(settings: ProviderSettings, published: Publications, code: str, verifier: str, redirect: str) -> str:
    """The ID token for a code. Raises Refused where the provider gives none for it, Unavailable where it does not answer."""
    endpoints = published.endpoints()
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    if settings.client_secret is not None and endpoints.takes_passwords:
        # Both are put as in a form first (RFC 6749 §2.3.1).
        pair = f"{quote(settings.client_id, safe='')}:{quote(settings.client_secret, safe='')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode('ascii')}"
    else:
        form["client_id"] = settings.client_id
        if settings.client_secret is not None:
            form["client_secret"] = settings.client_secret
    answered = outbound.post(
        endpoints.token,
        urlencode(form).encode(),
        headers,
        seconds=PATIENCE_SECONDS,
        most_bytes=MOST_BYTES,
        authority=settings.authority,
    )
    if 400 <= answered.status < 500:
        raise TokenRefused("The provider did not take the code of this sign-in.", _AGAIN, ("OIDC-CODE",))
    token = json_answer(endpoints.token, answered).get("id_token")
    if not isinstance(token, str):
        raise TokenRefused("The provider gave no ID token.", _AGAIN, ("OIDC-TOKEN",))
    return token


def claims_in(settings: ProviderSettings, published: Publications, token: str, nonce: str) -> Claims:
    """What a token says, if the provider signed it, for this desk, in answer to this sign-in, and its time has come and is not over.

    Raises TokenRefused with the rule that it breaks: OIDC-TOKEN (none at all), OIDC-SIGNATURE, OIDC-ISSUER, OIDC-AUDIENCE, OIDC-TIME,
    OIDC-NONCE, OIDC-CLAIM.
    """
    import jwt
    from jwt.exceptions import PyJWTError

    try:
        header = jwt.get_unverified_header(token)
    except (PyJWTError, ValueError) as error:
        raise TokenRefused("What the provider gave is no token.", _AGAIN, ("OIDC-TOKEN",)) from error
    algorithm, key_id = header.get("alg"), header.get("kid")
    if algorithm not in ALGORITHMS or "crit" in header or not (key_id is None or isinstance(key_id, str)):
        raise TokenRefused("The token is signed in a way that proves nothing here.", _AGAIN, ("OIDC-SIGNATURE",))
    key = published.key(key_id, algorithm)
    if key is None:
        raise TokenRefused("The token is signed by no key that the provider publishes.", _AGAIN, ("OIDC-SIGNATURE",))
    try:
        claims: JsonObject = jwt.decode(
            token,
            key.key,
            algorithms=[algorithm],
            audience=settings.client_id,
            issuer=settings.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
        )
    except (PyJWTError, ValueError) as error:
        raise _refused(error) from error
    audience = claims["aud"]
    several = isinstance(audience, list) and len(audience) > 1
    if claims.get("azp", None if several else settings.client_id) != settings.client_id:
        raise TokenRefused("The token was made for another client of the provider.", _AGAIN, ("OIDC-AUDIENCE",))
    said = claims.get("nonce")
    if not isinstance(said, str) or not secrets.compare_digest(said.encode(), nonce.encode()):
        raise TokenRefused("The token answers another sign-in than this.", _AGAIN, ("OIDC-NONCE",))
    return Claims(_person(settings, claims), _roles(settings, claims))


def _refused(error: PyJWTError | ValueError) -> TokenRefused:
    from jwt import exceptions

    what, rule = "The token is not one that the provider signed.", "OIDC-SIGNATURE"
    if isinstance(error, exceptions.InvalidIssuerError):
        what, rule = "The token is by another provider.", "OIDC-ISSUER"
    elif isinstance(error, exceptions.InvalidAudienceError):
        what, rule = "The token was made for another client of the provider.", "OIDC-AUDIENCE"
    elif isinstance(error, exceptions.ExpiredSignatureError | exceptions.ImmatureSignatureError | exceptions.InvalidIssuedAtError):
        what, rule = "The token's time is over, or has not come.", "OIDC-TIME"
    elif isinstance(error, exceptions.MissingRequiredClaimError):
        what, rule = f"The token does not say its {error.claim}.", "OIDC-CLAIM"
    return TokenRefused(what, _AGAIN, (rule,))


def _person(settings: ProviderSettings, claims: JsonObject) -> str:
    found = _at(claims, settings.person_claim)
    if not isinstance(found, str) or not found:
        raise TokenRefused(
            f"The provider does not say who you are: its token has no {settings.person_claim}.",
            "Have whoever runs the provider put it into ID tokens for the desk.",
            ("OIDC-CLAIM",),
        )
    return found


def _roles(settings: ProviderSettings, claims: JsonObject) -> tuple[str, ...] | None:
    """The roles that the provider lists. None where it is not asked; none at all where it says nothing that can be read."""
    if settings.role_claim is None:
        return None
    found = _at(claims, settings.role_claim)
    listed = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    return tuple(sorted({role for role in listed if isinstance(role, str)}))


def _at(claims: JsonObject, name: str) -> Any:
    """A claim by its name; where there is none of that name, by the names of objects within objects (`realm_access.roles`)."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found
