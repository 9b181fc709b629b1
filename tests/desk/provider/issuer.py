"""A provider of OpenID Connect of the tests' own: discovery, keys, the code flow with its proof key. One thing of it can be made wrong."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

CLIENT, SECRET = "lifecycle desk", "a secret: of the desk's"


@dataclass
class Signer:
    """A key of the provider's, under a name."""

    name: str
    algorithm: str = "ES256"
    private: Any = None

    def __post_init__(self) -> None:
        if self.private is None:
            bits = 2048
            self.private = ec.generate_private_key(ec.SECP256R1()) if self.algorithm == "ES256" else rsa.generate_private_key(65537, bits)

    @property
    def public(self) -> dict[str, Any]:
        kind: Any = jwt.get_algorithm_by_name(self.algorithm)
        return {**json.loads(kind.to_jwk(self.private.public_key())), "kid": self.name, "use": "sig", "alg": self.algorithm}


@dataclass
class Issuer:
    """What the provider is and says; `claims` and `published` are put over what it would say rightly."""

    url: str = ""
    signer: Signer = field(default_factory=lambda: Signer("first"))
    person: str = "officer"
    claims: dict[str, Any] = field(default_factory=dict)
    published: dict[str, Any] = field(default_factory=dict)
    keys: list[dict[str, Any]] | None = None
    #: How the token is made, where it is not rightly.
    forge: Callable[[dict[str, Any]], str] | None = None
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    #: The address that it signs in at, as a browser sees it: another host than the desk's is another site.
    browser_url: str = ""

    def configuration(self) -> dict[str, Any]:
        said = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.browser_url or self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "authorization_response_iss_parameter_supported": True,
        } | self.published
        return {name: value for name, value in said.items() if value is not None}

    def authorize(self, asked: dict[str, str]) -> str:
        """Signs the person in without asking, and sends the browser back."""
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], 'iss': self.url})}"

    def token(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """The answer to a code that was given, shown with the proof behind its challenge; None for any other."""
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or asked["redirect_uri"] != form["redirect_uri"]:
            return None
        proof = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
        if proof != asked["code_challenge"] or self._client(form, authorization) != (CLIENT, SECRET):
            return None
        return {"access_token": "opaque", "token_type": "Bearer", "id_token": self.id_token(asked["nonce"])}

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        said = {"iss": self.url, "sub": self.person, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": nonce} | self.claims
        said = {name: value for name, value in said.items() if value is not None}
        return self.forge(said) if self.forge else self.signed(said, self.signer)

    @staticmethod
    def signed(said: dict[str, Any], signer: Signer) -> str:
        return jwt.encode(said, signer.private, algorithm=signer.algorithm, headers={"kid": signer.name})

    @staticmethod
    def _client(form: dict[str, str], authorization: str) -> tuple[str, str]:
        if authorization.startswith("Basic "):
            name, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
            return unquote(name), unquote(secret)
        return form.get("client_id", ""), form.get("client_secret", "")


@contextmanager
def listening(issuer: Issuer, context: ssl.SSLContext | None = None) -> Iterator[Issuer]:
    """The provider, on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
            issuer.asked.append(path)
            if path == "/.well-known/openid-configuration":
                self._say(issuer.configuration())
            elif path == "/keys":
                self._say({"keys": [issuer.signer.public] if issuer.keys is None else issuer.keys})
            elif path == "/authorize":
                self.send_response(303)
                self.send_header("Location", issuer.authorize({name: values[0] for name, values in query.items()}))
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self._say({}, 404)

        def do_POST(self) -> None:
            issuer.asked.append(self.path)
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            said = issuer.token({name: values[0] for name, values in form.items()}, self.headers.get("Authorization", ""))
            self._say(said or {"error": "invalid_grant"}, 200 if said else 400)

        def _say(self, said: dict[str, Any], status: int = 200) -> None:
            content = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    issuer.url = f"{'http' if context is None else 'https'}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
