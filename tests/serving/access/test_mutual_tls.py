"""TLS of the gateway's own: callers who show a certificate, a key, neither, or a certificate of somebody else's."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lifecycle.errors import InvalidDeclaration
from lifecycle.serving.access.connection_security import name_in
from lifecycle.serving.access.credentials import make_key
from lifecycle.serving.settings import GatewaySettings
from tests.desk.provider.certificates import Authority
from tests.serving.answering.test_application import tensors
from tests.serving.granted import book, certificate_pass, key_pass
from tests.serving.packages import MODEL
from tests.serving.running import RunningGateway

PORTAL = "spiffe://example.com/loan-portal"
KEY = make_key()


class CallerAuthority(Authority):
    """Signs certificates of callers as well."""

    def caller(self, name: str, *alternatives: x509.GeneralName) -> Path:
        """A file with the certificate and the key of a caller."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._begun(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key.public_key())
        by = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        made = made.add_extension(by, False)
        if alternatives:
            made = made.add_extension(x509.SubjectAlternativeName(alternatives), False)
        file = self._folder / f"{name}.pem"
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file.write_bytes(private + made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return file


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CallerAuthority:
    return CallerAuthority(tmp_path_factory.mktemp("authorities") / "ours")


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory, authority: CallerAuthority) -> Iterator[RunningGateway]:
    """A gateway that speaks TLS; one caller has a certificate, another a key."""
    certificate, key = authority.certificate("127.0.0.1")
    gateway = RunningGateway(tmp_path_factory.mktemp("secured"))
    gateway.more = {"certificate": str(certificate), "certificate_key": str(key), "client_ca": str(authority.file)}
    try:
        gateway.start()
        gateway.serve(1)
        digest = gateway.pack(1).digest
        gateway.say_who_may_ask(
            book(certificate_pass(gateway.key, digest, 1, PORTAL), key_pass(gateway.key, digest, 1, KEY, principal="other"))
        )
        yield gateway
    finally:
        gateway.stop()


def asked(gateway: RunningGateway, authority: Authority, shown: Path | None = None, headers: dict[str, str] | None = None) -> int:
    """The status that a caller gets who shows this certificate. Raises OSError where the connection is refused."""
    context = ssl.create_default_context(cafile=str(authority.file))
    if shown is not None:
        context.load_cert_chain(shown)
    url = str(gateway.client.status().url)
    assert url.startswith("https://")
    connection = http.client.HTTPSConnection(url.removeprefix("https://"), timeout=30.0, context=context)
    try:
        connection.request("POST", f"/v2/models/{MODEL}/infer", tensors(income=[1.0], home=["rent"]), headers or {})
        return connection.getresponse().status
    finally:
        connection.close()


def test_the_name_in_a_certificate_is_who_asks(secured: RunningGateway, authority: CallerAuthority) -> None:
    """A URI stands over the common name; two certificates with one name are one caller."""
    for name in ("portal", "portal-renewed"):
        assert asked(secured, authority, authority.caller(name, x509.UniformResourceIdentifier(PORTAL))) == 200


def test_a_caller_with_a_key_needs_no_certificate(secured: RunningGateway, authority: CallerAuthority) -> None:
    """A certificate is asked for and not demanded; who shows neither is refused."""
    assert asked(secured, authority, headers={"Authorization": f"Bearer {KEY}"}) == 200
    assert asked(secured, authority) == 401


@pytest.mark.parametrize(
    ("common_name", "alternatives"),
    [
        ("stranger", ()),
        (PORTAL.rpartition("/")[2], ()),
        ("two", (x509.UniformResourceIdentifier(PORTAL), x509.UniformResourceIdentifier("spiffe://example.com/other"))),
        ("other-kind", (x509.DNSName("loan-portal.example.com"),)),
    ],
)
def test_a_certificate_with_another_name_lets_nobody_in(
    secured: RunningGateway, authority: CallerAuthority, common_name: str, alternatives: Sequence[x509.GeneralName]
) -> None:
    """Attack: a valid certificate of somebody else's, and one with two names, of which one was granted access."""
    assert asked(secured, authority, authority.caller(common_name, *alternatives)) == 401


def test_a_certificate_of_another_authority_ends_the_connection(
    secured: RunningGateway, authority: CallerAuthority, tmp_path: Path
) -> None:
    """Attack: the right name, signed by nobody whom this gateway was told of."""
    forged = CallerAuthority(tmp_path / "theirs").caller("portal", x509.UniformResourceIdentifier(PORTAL))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        asked(secured, authority, forged)


def test_plain_http_gets_nothing_from_a_gateway_with_a_certificate(secured: RunningGateway) -> None:
    """There is no way around TLS on the same port."""
    address = str(secured.client.status().url).removeprefix("https://")
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=30.0) as connection:
        connection.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            answered = connection.recv(1_024)
        except ConnectionResetError:
            answered = b""
    assert not answered.startswith(b"HTTP")


@pytest.mark.parametrize(
    ("certificate", "name"),
    [
        ({"subject": ((("commonName", "portal"),),)}, "portal"),
        ({"subject": ((("commonName", "portal"),),), "subjectAltName": (("DNS", "a.example"), ("URI", "spiffe://a"))}, "spiffe://a"),
        ({"subject": ((("commonName", "portal"),),), "subjectAltName": (("DNS", "a.example"), ("IP Address", "127.0.0.1"))}, "a.example"),
        ({"subject": ((("commonName", "portal"),),), "subjectAltName": (("DNS", "a.example"), ("DNS", "b.example"))}, ""),
        ({"subject": ((("commonName", "one"),), (("commonName", "two"),))}, ""),
        ({}, ""),
    ],
)
def test_a_certificate_has_one_name_or_none(certificate: dict[str, Any], name: str) -> None:
    """URI before DNS before common name, and where a kind stands twice, none at all."""
    assert name_in(certificate) == name


def test_half_of_what_tls_needs_is_refused_before_anything_starts(secured: RunningGateway, authority: CallerAuthority) -> None:
    """A certificate without its key, or an authority for callers without TLS: the gateway does not start in plain HTTP instead."""
    given: dict[str, Any] = {
        "folder": secured.folder,
        "host": "127.0.0.1",
        "port": 0,
        "workers": 1,
        "environment": "local",
        "log_key": str(secured.key.verifier),
        "signing_public_key": authority.file,
    }
    for part in ("certificate", "certificate_key", "client_ca"):
        with pytest.raises(InvalidDeclaration, match="TLS"):
            GatewaySettings(**(given | {part: authority.file}))
