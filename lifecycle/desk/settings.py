"""What the desk is told when it starts: where it listens, and under which address people open it."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path

from lifecycle.desk.provider.settings import ProviderSettings
from lifecycle.errors import InvalidDeclaration
from lifecycle.wiring import Departments

_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)(:(?P<port>[1-9][0-9]{0,4}))?")
#: The one name over which browsers let passkeys speak without TLS.
LOCAL_NAME = "localhost"


@dataclass(frozen=True)
class DeskSettings:
    """Raises InvalidDeclaration for settings with which somebody in between could read or ask along."""

    #: Where the desk keeps what must outlive it; nobody else may read it.
    folder: Path
    host: str
    port: int
    #: Scheme, host and port as a browser shows them. A passkey speaks at the origin that it was enrolled at and nowhere else.
    origin: str
    certificate: Path | None = None
    certificate_key: Path | None = None
    behind_proxy: bool = False
    #: Who says who somebody is, in place of their passkeys; these sign all the same.
    provider: ProviderSettings | None = None
    #: How long somebody stays signed in without doing anything, and at most.
    idle_seconds: int = 1_800
    session_seconds: int = 8 * 3_600
    #: How long somebody may take from being shown what they sign to signing it.
    ceremony_seconds: int = 300
    #: How long a link to register a passkey is good for.
    invitation_seconds: int = 3_600

    def __post_init__(self) -> None:
        if _ORIGIN.fullmatch(self.origin) is None:
            raise InvalidDeclaration(
                f"{self.origin!r} is no address that a browser can open the desk at.",
                "Set LIFECYCLE_DESK_ORIGIN to scheme, name and port without a path, such as https://desk.example.com.",
            )
        if (self.certificate is None) != (self.certificate_key is None):
            raise InvalidDeclaration(
                "A certificate without its key, or a key without a certificate, makes no TLS.",
                "Set LIFECYCLE_DESK_CERTIFICATE and LIFECYCLE_DESK_CERTIFICATE_KEY, or neither.",
            )
        if not self.secure and self.rp_id != LOCAL_NAME:
            raise InvalidDeclaration(
                f"Browsers let passkeys speak over TLS only, and {self.origin} has none.",
                f"Set LIFECYCLE_DESK_ORIGIN to an address that begins with https://, or leave the desk on http://{LOCAL_NAME}.",
            )
        if self.certificate is not None and not self.secure:
            raise InvalidDeclaration(
                f"The desk has a certificate, but people would open it at {self.origin}.", "Set LIFECYCLE_DESK_ORIGIN to https://…."
            )
        if not _is_loopback(self.host) and self.certificate is None and not self.behind_proxy:
            raise InvalidDeclaration(
                f"Others could reach the desk on {self.host} without TLS.",
                "Set LIFECYCLE_DESK_CERTIFICATE, or put a proxy with TLS before it and set LIFECYCLE_DESK_BEHIND_PROXY=yes.",
            )

    @classmethod
    def of(cls, departments: Departments, *, host: str | None = None, port: int | None = None) -> DeskSettings:
        """The settings of the environment, with what was given on the command line above them. Makes the desk's folder."""
        settings = departments.settings.desk
        port = settings.port if port is None else port
        scheme = "http" if settings.certificate is None else "https"
        return cls(
            folder=departments.folder("desk", 0o700),
            host=settings.host if host is None else host,
            port=port,
            origin=settings.origin or f"{scheme}://{LOCAL_NAME}:{port}",
            certificate=settings.certificate,
            certificate_key=settings.certificate_key,
            behind_proxy=settings.behind_proxy,
            provider=ProviderSettings.of(settings.provider),
        )

    @property
    def secure(self) -> bool:
        """Whether browsers speak TLS with the desk, or with the proxy before it."""
        return self.origin.startswith("https://")

    @property
    def netloc(self) -> str:
        """Name and port as they stand in a request's Host."""
        return self.origin.partition("://")[2]

    @property
    def rp_id(self) -> str:
        """The relying party that passkeys are made for: the name alone."""
        return self.netloc.partition(":")[0]

    @property
    def cookie(self) -> str:
        """The name of the session's cookie. Browsers take the prefix over TLS only, and then hold the cookie to this very host."""
        return "__Host-lifecycle-desk" if self.secure else "lifecycle-desk"

    @property
    def way_cookie(self) -> str:
        """The name of the cookie with which a browser comes back from the provider."""
        return f"{self.cookie}-way"


def _is_loopback(host: str) -> bool:
    if host == LOCAL_NAME:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
