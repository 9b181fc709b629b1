"""A real OPA server for the tests: a bundle, a bearer token, and nobody may push."""

from __future__ import annotations

import os
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
from tests.ports import free_port

TOKEN = "a-token-of-this-test"
AUTHORIZATION = Path(__file__).resolve().parents[2] / "deployments" / "opa" / "authz.rego"


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
    if archive is None:
        archive = folder / "bundle.tar.gz"
        archive.write_bytes(packed(bundle))
    port = free_port()
    command = [opa, "run", "--server", "--addr", f"127.0.0.1:{port}", "--authentication=token", "--authorization=basic"]
    command += ["--skip-version-check", "--log-level=error", "--set", f"bundles.gov.resource={archive.as_uri()}", *more, str(AUTHORIZATION)]
    url, trusting = f"http://127.0.0.1:{port}", None
    if secured is not None:
        command += [f"--tls-cert-file={secured.certificate}", f"--tls-private-key-file={secured.key}"]
        url, trusting = f"https://127.0.0.1:{port}", ssl.create_default_context(cafile=secured.authority)
    with (folder / "opa.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env={**os.environ, "LIFECYCLE_OPA_TOKEN": TOKEN})
    (folder / "opa.pid").write_text(str(process.pid))
    try:
        _await_ready(url, process, folder / "opa.log", patience, trusting)
        yield url
    finally:
        process.kill()
        process.wait()


def fetching(store: str, resource: str, key: Path) -> list[str]:
    """How a server is told to look every second for its bundle at a store, and which public key must have signed it."""
    told = ["--set", f"services.store.url={store}", "--set", "bundles.gov.service=store", "--set", f"bundles.gov.resource={resource}"]
    told += [f"--set=bundles.gov.polling.{bound}_delay_seconds=1" for bound in ("min", "max")]
    told += ["--set", "bundles.gov.signing.keyid=policy", "--set", "bundles.gov.signing.scope=lifecycle-policy"]
    return [*told, "--set", "keys.policy.algorithm=ES256", "--set-file", f"keys.policy.key={key}"]


def _await_ready(url: str, process: subprocess.Popen[bytes], log: Path, patience: int, trusting: ssl.SSLContext | None) -> None:
    for _ in range(patience):
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"{url}/health?bundles=true", timeout=1, context=trusting):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise AssertionError(log.read_text())
