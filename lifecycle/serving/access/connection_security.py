"""TLS of the gateway's own, and the name in the certificate that a caller shows."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from lifecycle.serving.access.doorkeeper import CERTIFICATE


def tls_options(certificate: str | None, key: str | None, client_ca: str | None) -> dict[str, Any]:
    """What the server is told of TLS; nothing where it speaks plain HTTP.

    A caller without a certificate may still show a key, so a certificate is asked for and not demanded; one that the authority did
    not sign ends the handshake.
    """
    if certificate is None:
        return {}
    options: dict[str, Any] = {"ssl_certfile": certificate, "ssl_keyfile": key}
    if client_ca is not None:
        options |= {"ssl_ca_certs": client_ca, "ssl_cert_reqs": ssl.CERT_OPTIONAL}
    return options


def certified(protocol: type[HttpToolsProtocol]) -> type[HttpToolsProtocol]:
    """The protocol with the name in the caller's certificate, if it showed one, in the scope of each of its requests."""

    class CertifiedProtocol(protocol):  # type: ignore[valid-type, misc]  # a class that is made for the settings of a worker
        _certificate_name = ""

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            connection = transport.get_extra_info("ssl_object")
            if connection is not None:
                self._certificate_name = name_in(connection.getpeercert() or {})

        def on_headers_complete(self) -> None:
            if self._certificate_name:
                self.scope[CERTIFICATE] = self._certificate_name
            super().on_headers_complete()

    return CertifiedProtocol


def name_in(certificate: Any) -> str:
    """The name in a verified certificate (`ssl.SSLSocket.getpeercert`): its one URI (SPIFFE), else its one DNS name, else its
    common name. "" where it has several of a kind or none: then nobody can say who it is.
    """
    alternatives = certificate.get("subjectAltName", ())
    for kind in ("URI", "DNS"):
        names = [value for name_kind, value in alternatives if name_kind == kind]
        if names:
            return str(names[0]) if len(names) == 1 else ""
    common = [value for part in certificate.get("subject", ()) for name, value in part if name == "commonName"]
    return str(common[0]) if len(common) == 1 else ""
