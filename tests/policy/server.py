"""A real OPA server for the tests: a bundle, a bearer token, and nobody may push."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lifecycle.policy.archive import packed
from lifecycle.policy.bundle import Bundle

TOKEN = "a-token-of-this-test"
_MAY_ONLY_ASK = f"""package system.authz

default allow := false

allow if input.path == ["health"]

allow if {{
	input.identity == "{TOKEN}"
	input.method == "POST"
	array.slice(input.path, 0, 3) == ["v1", "data", "gov"]
}}
"""


@dataclass(frozen=True)
class Secured:
    """What a server shows for itself, and whose word that is."""

    certificate: Path
    key: Path
    authority: Path


@contextmanager
def running(
    opa: str,
    bundle: Bundle,
    folder: Path,
    *more: str,
    archive: Path | None = None,
    patience: int = 200,
    secured: Secured | None = None,
) -> Iterator[str]:
    """The address of an OPA server that has activated this bundle, or the one in the file that it is told to fetch."""
    authorization = folder / "authz.rego"
    if archive is None:
        archive = folder / "bundle.tar.gz"
        archive.write_bytes(packed(bundle))
    authorization.write_text(_MAY_ONLY_ASK)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [opa, "run", "--server", "--addr", f"127.0.0.1:{port}", "--authentication=token", "--authorization=basic"]
    command += ["--skip-version-check", "--log-level=error", "--set", f"bundles.gov.resource={archive.as_uri()}", *more, str(authorization)]
    url, trusting = f"http://127.0.0.1:{port}", None
    if secured is not None:
        command += [f"--tls-cert-file={secured.certificate}", f"--tls-private-key-file={secured.key}"]
        url, trusting = f"https://127.0.0.1:{port}", ssl.create_default_context(cafile=secured.authority)
    with (folder / "opa.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    (folder / "opa.pid").write_text(str(process.pid))
    try:
        _await_ready(url, process, folder / "opa.log", patience, trusting)
        yield url
    finally:
        process.kill()
        process.wait()


def _await_ready(url: str, process: subprocess.Popen[bytes], log: Path, patience: int, trusting: ssl.SSLContext | None) -> None:
    for _ in range(patience):
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"{url}/health?bundles=true", timeout=1, context=trusting):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise AssertionError(log.read_text())
