"""Which provider of OpenID Connect says who somebody is, as whom the desk is known to it, and what of its words counts."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from lifecycle.errors import InvalidDeclaration
from lifecycle.settings import ProviderPart

_NO_ISSUER = "Set LIFECYCLE_DESK_OIDC_ISSUER to the provider's address as its own tokens say it, such as https://sign-on.example.com/realm."


@dataclass(frozen=True)
class ProviderSettings:
    """Raises InvalidDeclaration for a provider that could be spoken to by whoever stands in between."""

    issuer: str
    client_id: str
    #: None for a client that has none; the proof key (RFC 7636) is asked for in either case.
    client_secret: str | None = field(default=None, repr=False)
    #: The claim that is the id of a person in the registry: one that nobody can change of themselves.
    person_claim: str = "sub"
    #: The claim that lists the roles that a session may use of those that the registry gives; None for all of them.
    role_claim: str | None = None
    scopes: str = "openid profile"
    authority: Path | None = None

    def __post_init__(self) -> None:
        if not is_safe_address(self.issuer) or urlsplit(self.issuer).query or urlsplit(self.issuer).fragment:
            raise InvalidDeclaration(f"{self.issuer!r} is no address of a provider that tokens can be taken from over TLS.", _NO_ISSUER)
        if not self.client_id.isprintable() or not self.client_id.strip():
            raise InvalidDeclaration("The provider knows the desk by no name.", "Set LIFECYCLE_DESK_OIDC_CLIENT_ID.")
        if "openid" not in self.scopes.split():
            raise InvalidDeclaration(
                f"The scopes {self.scopes!r} ask for no ID token.", "Have `openid` among the words of LIFECYCLE_DESK_OIDC_SCOPES."
            )

    @classmethod
    def of(cls, told: ProviderPart) -> ProviderSettings | None:
        """The provider that the environment names, or None. Raises InvalidDeclaration, also for a secret that can't be read."""
        if told.issuer is None:
            if told.client_id is not None:
                raise InvalidDeclaration("A provider is named by half: the desk's name there, and not its address.", _NO_ISSUER)
            return None
        return cls(
            issuer=told.issuer,
            client_id=told.client_id or "",
            client_secret=None if told.secret_file is None else _secret(told.secret_file),
            person_claim=told.person_claim,
            role_claim=told.role_claim,
            scopes=told.scopes,
            authority=told.ca,
        )


def is_safe_address(url: str) -> bool:
    """Whether what is sent there and comes from there is read by nobody in between: over TLS, or on this very machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port_is_one = parts.port is None or parts.port > 0
    except ValueError:
        return False
    if not host or not port_is_one or parts.username is not None or not url.isprintable() or " " in url:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_this_machine(host))


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _secret(file: Path) -> str:
    try:
        found = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidDeclaration(f"{file} can't be read.", "Have LIFECYCLE_DESK_OIDC_SECRET_FILE name a readable file.") from error
    if not found:
        raise InvalidDeclaration(f"{file} holds no secret.", "Write the desk's secret at the provider into it.")
    return found
