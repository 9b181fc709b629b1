"""A real OPA server for a bench, as production runs one: it fetches its bundle, takes a bearer token, and nobody may push."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.measuring import REPOSITORY
from lifecycle.policy.archive import packed
from lifecycle.policy.bundle import Bundle

TOKEN = "a-token-of-this-bench"
PATIENCE_SECONDS = 30.0
AUTHORIZATION = REPOSITORY / "deployments" / "opa" / "authz.rego"
#: Go's garbage collector as the how-to has it, and as it is where nobody says anything.
AS_DOCUMENTED, GO_S_DEFAULT = {"GOGC": "off", "GOMEMLIMIT": "256MiB"}, {"GOGC": "100", "GOMEMLIMIT": "off"}


@contextmanager
def opa_server(bundle: Bundle, *, collected: Mapping[str, str] = AS_DOCUMENTED) -> Iterator[str | None]:
    """The address of a server that decides by this bundle, in a Go that collects garbage so; None where there is no `opa` on the PATH."""
    opa = shutil.which("opa")
    if opa is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="bench-opa-") as scratch:
        folder = Path(scratch)
        archive = folder / "bundle.tar.gz"
        archive.write_bytes(packed(bundle))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        command = [opa, "run", "--server", "--addr", address, "--authentication=token", "--authorization=basic", "--skip-version-check"]
        command += ["--log-level=error", "--set", f"bundles.gov.resource={archive.as_uri()}", str(AUTHORIZATION)]
        environment = {**os.environ, "LIFECYCLE_OPA_TOKEN": TOKEN, **collected}
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _await_bundle(f"http://{address}/health?bundles=true")
            yield f"http://{address}"
        finally:
            process.kill()
            process.wait()


def _await_bundle(url: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
