"""A time-stamp authority on this machine: openssl's, behind HTTP, with a clock that can be set back."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

_CONFIGURATION = """
[req]
distinguished_name = dn
prompt = no
[dn]
CN = {name}
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[signer]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[answers]
serial = serial
signer_cert = signer.pem
signer_key = signer.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
"""


class LocalAuthority:
    """An authority with a root of its own, in a folder."""

    def __init__(self, folder: Path, openssl: str, *, name: str = "Test authority", with_root: bool = False) -> None:
        """`with_root` makes it send its root along as well, which openssl puts into the answer in an order that DER forbids."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._openssl = folder, openssl
        also = "certs = root.pem\n" if with_root else ""
        (folder / "authority.cnf").write_text(_CONFIGURATION.format(name=name) + also, encoding="utf-8")
        (folder / "serial").write_text("01\n", encoding="utf-8")
        for key in ("root", "signer"):
            self._run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{key}.key")
        options = ("-config", "authority.cnf", "-days", "3650")
        self._run("req", "-new", "-x509", "-key", "root.key", "-out", "root.pem", "-extensions", "root", *options)
        self._run("req", "-new", "-key", "signer.key", "-out", "signer.csr", "-config", "authority.cnf", "-subj", f"/CN={name} signer")
        by = ("-CA", "root.pem", "-CAkey", "root.key", "-set_serial", "7", "-days", "3650")
        self._run("x509", "-req", "-in", "signer.csr", "-out", "signer.pem", *by, "-extfile", "authority.cnf", "-extensions", "signer")

    @property
    def root(self) -> str:
        """The certificate to trust, as PEM."""
        return (self._folder / "root.pem").read_text(encoding="utf-8")

    @property
    def signer(self) -> str:
        """The certificate that signs, as PEM."""
        return (self._folder / "signer.pem").read_text(encoding="utf-8")

    def answer(self, query: bytes) -> bytes:
        """What it answers to a request, both in DER."""
        (self._folder / "query").write_bytes(query)
        self._run("ts", "-reply", "-queryfile", "query", "-out", "answer", "-config", "authority.cnf", "-section", "answers")
        return (self._folder / "answer").read_bytes()

    def verifies(self, content: bytes, answer: bytes) -> bool:
        """Whether openssl itself says that this is a stamp over this content."""
        (self._folder / "content").write_bytes(content)
        (self._folder / "given").write_bytes(answer)
        options = ("-data", "content", "-in", "given", "-CAfile", "root.pem", "-untrusted", "signer.pem")
        ended = subprocess.run((self._openssl, "ts", "-verify", *options), cwd=self._folder, capture_output=True, check=False, timeout=60)
        return ended.returncode == 0

    @contextmanager
    def listening(self) -> Iterator[str]:
        """Answers over HTTP until the block ends; gives its address."""
        authority = self

        class Requests(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = authority.answer(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *said: object) -> None:
                pass

        with serving(Requests) as url:
            yield url

    def _run(self, *arguments: str) -> None:
        subprocess.run((self._openssl, *arguments), cwd=self._folder, check=True, capture_output=True, timeout=60)


@contextmanager
def serving(requests: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """A server on this machine that answers so, until the block ends; gives its address."""
    with HTTPServer(("127.0.0.1", 0), requests) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
