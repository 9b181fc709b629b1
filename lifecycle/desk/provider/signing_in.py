"""Signing in through the provider: the authorization code flow with a proof key (RFC 6749 §4.1, RFC 7636), state and nonce.

What comes back counts once, in the browser that was sent, and soon. A person of the provider who is nobody in the registry of this desk
gets no further; roles are the registry's to give, and the provider's to take away.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from lifecycle.desk.desk import Desk
from lifecycle.desk.provider.discovery import Publications
from lifecycle.desk.provider.settings import ProviderSettings
from lifecycle.desk.provider.tokens import TokenRefused, claims_in, id_token
from lifecycle.desk.store import hashed
from lifecycle.errors import Refused, UnknownName
from lifecycle.life.people.in_force import people_in_force
from lifecycle.records.identity import now_us
from lifecycle.records.record import SECOND_US, ActorId

#: Where the provider sends the browser back to.
RETURN_PATH = "/sign-in/return"
#: How long somebody may take at the provider, and how many may be there at once.
WAY_SECONDS, MOST_OPEN = 600, 1_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Way:
    """Where the browser is sent to, and the secret that it alone has until it comes back."""

    location: str
    browser: str


@dataclass(frozen=True)
class Returned:
    """Somebody who came back from the provider: who they are, their session, and the page that they wanted."""

    person: ActorId
    session_id: str
    next_page: str


def _provider(desk: Desk) -> tuple[ProviderSettings, Publications]:
    """Raises UnknownName where people sign in with passkeys."""
    if desk.settings.provider is None or desk.published is None:
        raise UnknownName("Nobody signs in through a provider here.", "Go to /sign-in.")
    return desk.settings.provider, desk.published


def set_out(desk: Desk, address: str, next_page: str) -> Way:
    """Begins a sign-in. Raises TooOften; Unavailable where the provider does not answer."""
    provider, published = _provider(desk)
    desk.tries_of_address.require(address)
    endpoint = published.endpoints().authorization
    state, browser, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(4))
    now = now_us()
    with desk.store.writing() as tables:
        tables.execute("DELETE FROM ways WHERE until_us <= ?", (now,))
        tables.execute(
            "DELETE FROM ways WHERE state_hash IN (SELECT state_hash FROM ways ORDER BY until_us DESC LIMIT -1 OFFSET ?)", (MOST_OPEN - 1,)
        )
        kept = (hashed(state), hashed(browser), nonce, verifier, next_page, now + WAY_SECONDS * SECOND_US)
        tables.execute("INSERT INTO ways VALUES (?, ?, ?, ?, ?, ?)", kept)
    asked = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": desk.settings.origin + RETURN_PATH,
        "scope": provider.scopes,
        "state": state,
        "nonce": nonce,
        "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode("ascii").rstrip("="),
        "code_challenge_method": "S256",
    }
    return Way(f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}", browser)


def come_back(desk: Desk, address: str, browser: str, said: Mapping[str, str]) -> Returned:
    """Begins a session for whoever the provider says that somebody is. `said` is what it had the browser bring along.

    Raises Refused (TokenRefused) with the rule that is broken, TooOften, Unavailable.
    """
    provider, published = _provider(desk)
    desk.tries_of_address.require(address)
    nonce, verifier, next_page = _take(desk, said.get("state", ""), browser)
    endpoints = published.endpoints()
    if said.get("iss", None if endpoints.names_itself else provider.issuer) != provider.issuer:
        raise TokenRefused("Another provider answered.", "Sign in again.", ("OIDC-ISSUER",))
    if "code" not in said:
        # What it says of an error is not repeated: whoever sent the browser here may have written it.
        raise TokenRefused("The provider did not let you in.", "Sign in again, or ask whoever runs it.", ("OIDC-CODE",))
    try:
        token = id_token(provider, published, said["code"], verifier, desk.settings.origin + RETURN_PATH)
        claims = claims_in(provider, published, token, nonce)
        person = people_in_force(desk.departments).person(claims.person).id
    except TokenRefused as error:
        _log.warning("a sign-in through %s was refused: %s", provider.issuer, ", ".join(error.rules))
        raise
    except UnknownName as error:
        _log.warning("somebody signed in through %s who is nobody here", provider.issuer)
        raise Refused(
            "The provider knows you, and nobody here goes by the name that it knows you by.",
            "Ask whoever keeps governance/people.yaml to enrol you.",
            ("OIDC-PERSON",),
        ) from error
    desk.tries_of_person.require(person)
    _log.info("%s signed in through %s", person, provider.issuer)
    return Returned(person, desk.sessions.begin(person, None, roles=claims.roles), next_page)


def _take(desk: Desk, state: str, browser: str) -> tuple[str, str, str]:
    """What was kept of a sign-in that this browser began; it is used up by this."""
    with desk.store.writing() as tables:
        row = tables.execute(
            "DELETE FROM ways WHERE state_hash = ? RETURNING browser_hash, nonce, verifier, next_page, until_us", (hashed(state),)
        ).fetchone()
    if row is None or row[4] <= now_us() or not secrets.compare_digest(row[0], hashed(browser)):
        raise TokenRefused(
            "This sign-in was not begun in this browser, was answered already, or took too long.", "Sign in again.", ("OIDC-STATE",)
        )
    return row[1], row[2], row[3]
