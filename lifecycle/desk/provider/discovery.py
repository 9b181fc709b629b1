"""What the provider publishes: where it is asked, and with which keys it signs (OpenID Connect Discovery 1.0, RFC 7517).

Both are read when they are first needed and again every hour; the keys also when a token names one that is not among them, as it does
after the provider has changed its keys, but not more often than every few seconds, whatever tokens name.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lifecycle import outbound
from lifecycle.desk.provider.settings import ProviderSettings, is_safe_address
from lifecycle.errors import MalformedRecord, Unavailable
from lifecycle.records.record import JsonObject, parse_json

if TYPE_CHECKING:
    from jwt import PyJWK

#: How tokens may be signed: by a key that the provider alone has. Neither `none` nor a secret that both have is among them.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
PATIENCE_SECONDS = 10.0
MOST_BYTES = 262_144
#: For how long what was read counts, and how soon keys may be read again for one that is not there.
FRESH_SECONDS, AGAIN_SECONDS = 3_600.0, 10.0
#: RSA keys of fewer bits are taken for none (NIST SP 800-131A).
LEAST_RSA_BITS = 2_048


@dataclass(frozen=True)
class Endpoints:
    """Where the provider is asked."""

    authorization: str
    token: str
    keys: str
    #: Whether it says in its answers who it is (RFC 9207).
    names_itself: bool
    #: Whether it takes the desk's secret as a password (`client_secret_basic`); else it stands in the form.
    takes_passwords: bool


class Publications:
    """What one provider publishes. Safe to use from several threads."""

    def __init__(self, settings: ProviderSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._clock = settings, clock
        self._turn = threading.Lock()
        self._endpoints: tuple[float, Endpoints] | None = None
        self._keys: tuple[float, tuple[JsonObject, ...]] | None = None

    def endpoints(self) -> Endpoints:
        """Raises Unavailable where the provider does not say, or says that it is somebody else."""
        with self._turn:
            if self._endpoints is None or self._clock() >= self._endpoints[0] + FRESH_SECONDS:
                self._endpoints = self._clock(), self._read_endpoints()
            return self._endpoints[1]

    def key(self, key_id: str | None, algorithm: str) -> PyJWK | None:
        """The provider's key of this name for this algorithm; without a name the only one that there is. None where there is none."""
        address = self.endpoints().keys
        with self._turn:
            read_now = self._keys is None or self._clock() >= self._keys[0] + FRESH_SECONDS
            if read_now:
                self._keys = self._clock(), self._read_keys(address)
            assert self._keys is not None  # read above
            found = _fitting(self._keys[1], key_id, algorithm)
            if found is None and not read_now and self._clock() >= self._keys[0] + AGAIN_SECONDS:
                self._keys = self._clock(), self._read_keys(address)
                found = _fitting(self._keys[1], key_id, algorithm)
            return found

    def _read_endpoints(self) -> Endpoints:
        issuer = self._settings.issuer
        said = self._read(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if said.get("issuer") != issuer:
            raise Unavailable(
                f"The provider at {issuer} calls itself {str(said.get('issuer'))[:200]!r}.",
                "Set LIFECYCLE_DESK_OIDC_ISSUER to exactly what it calls itself, if that is the one that is meant.",
            )
        addresses = [said.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
        named = [address for address in addresses if isinstance(address, str) and is_safe_address(address)]
        if len(named) != len(addresses):
            raise Unavailable(
                f"The provider {issuer} names no place to sign in at, to get tokens from and to read its keys at, over TLS.",
                "Ask its operator: it must publish all three in its OpenID configuration.",
            )
        methods = said.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        authorization, token, keys = named
        return Endpoints(
            authorization=authorization,
            token=token,
            keys=keys,
            names_itself=said.get("authorization_response_iss_parameter_supported") is True,
            takes_passwords=isinstance(methods, list) and "client_secret_basic" in methods,
        )

    def _read_keys(self, address: str) -> tuple[JsonObject, ...]:
        keys = self._read(address).get("keys")
        if not isinstance(keys, list):
            raise Unavailable(f"{address} holds no set of keys.", "Ask the provider's operator.")
        return tuple(key for key in keys if isinstance(key, dict))

    def _read(self, url: str) -> JsonObject:
        answered = outbound.get(
            url, {"Accept": "application/json"}, seconds=PATIENCE_SECONDS, most_bytes=MOST_BYTES, authority=self._settings.authority
        )
        return json_answer(url, answered)


def json_answer(url: str, answered: outbound.Answered) -> JsonObject:
    """The JSON object that a provider answered with status 200. Raises Unavailable for anything else."""
    if answered.status != 200 or answered.cut:
        raise Unavailable(f"{url} answered with status {answered.status}.", "Ask the provider's operator, and try again.")
    try:
        said: Any = parse_json(answered.content)
    except MalformedRecord:
        said = None
    if not isinstance(said, dict):
        raise Unavailable(f"{url} answered with no JSON object.", "Ask the provider's operator, and try again.")
    return said


def _fitting(keys: tuple[JsonObject, ...], key_id: str | None, algorithm: str) -> PyJWK | None:
    fitting = [
        key
        for key in keys
        if (key_id is None or key.get("kid") == key_id) and key.get("use", "sig") == "sig" and key.get("alg", algorithm) == algorithm
    ]
    made = [one for one in (_made(key, algorithm) for key in fitting) if one is not None]
    # Two keys under one name, or several and no name: which one is meant can't be told.
    return made[0] if len(made) == 1 else None


def _made(key: JsonObject, algorithm: str) -> PyJWK | None:
    """The key, where it is one for this algorithm."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from jwt import PyJWK
    from jwt.exceptions import PyJWTError

    if key.get("kty") not in ("RSA", "EC", "OKP") or "d" in key:
        return None
    try:
        made = PyJWK(dict(key), algorithm)
    except (PyJWTError, UnsupportedAlgorithm, ValueError, TypeError, KeyError):
        return None
    if isinstance(made.key, RSAPublicKey) and made.key.key_size < LEAST_RSA_BITS:
        return None
    fits = {"RSA": ("RS", "PS"), "EC": ("ES",), "OKP": ("Ed",)}[str(key["kty"])]
    return made if algorithm.startswith(fits) else None
