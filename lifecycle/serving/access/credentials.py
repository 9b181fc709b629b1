"""What callers show: an API key in the header `Authorization`, or a certificate that the gateway's authority has signed.

A key is 256 random bits. At rest there is only its SHA-256, which needs no salt and no slow hash: nobody guesses 256 bits. It is
looked up by that digest, so comparing takes the same time whatever was sent.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable

from lifecycle.records.record import Digest, digest_of
from lifecycle.serving.access.refusing import AccessRefused

#: So that a key that leaks is known for one wherever it turns up.
PREFIX = "lck_"
_KEY = re.compile(rb"lck_[A-Za-z0-9_-]{43}")
_SCHEME = b"bearer "


def make_key() -> str:
    """A fresh key: 32 random bytes in base64url. Shown once; whoever loses it is granted another."""
    return PREFIX + secrets.token_urlsafe(32)


def key_digest(key: str) -> Digest:
    """What is kept of a key."""
    return digest_of(key.encode())


def certificate_digest(name: str) -> Digest:
    """What is kept of a certificate: the digest of the name in it, so that a renewed one counts as well."""
    return digest_of(b"certificate:" + name.encode())


def presented_key(headers: Iterable[tuple[bytes, bytes]]) -> Digest | None:
    """The digest of the key in a request's headers; None where there is no such header.

    Raises AccessRefused for a second header of the name, whichever of the two a proxy before us has looked at, and for what
    is no key of this form.
    """
    found: bytes | None = None
    for name, value in headers:
        if name == b"authorization":
            if found is not None:
                raise AccessRefused("The header `Authorization` stands twice.", "unknown_credential", 400)
            found = value.strip(b" \t")
    if found is None:
        return None
    if found[: len(_SCHEME)].lower() != _SCHEME or _KEY.fullmatch(key := found[len(_SCHEME) :]) is None:
        raise AccessRefused("The header `Authorization` must be `Bearer` and a key that was granted here.", "unknown_credential", 401)
    return digest_of(key)
