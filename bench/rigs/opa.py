"""A real OPA server for a bench, as production runs one: it fetches its bundle, takes a bearer token, and nobody may push."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lifecycle.policy.archive import packed
from lifecycle.policy.bundle import Bundle

TOKEN = "a-token-of-this-bench"
PATIENCE_SECONDS = 30.0
_MAY_ONLY_ASK = f"""package system.authz

default allow := false

allow if input.path == ["health"]

allow if {{
	input.identity == "{TOKEN}"
	input.method == "POST"
	array.slice(input.path, 0, 3) == ["v1", "data", "gov"]
}}
"""


@contextmanager
def opa_server(bundle: Bundle) -> Iterator[str | None]:
    """The address of a server that decides by this bundle; None where there is no `opa` on the PATH."""
    opa = shutil.which("opa")
    if opa is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="bench-opa-") as scratch:
        folder = Path(scratch)
        archive, authorization = folder / "bundle.tar.gz", folder / "authz.rego"
        archive.write_bytes(packed(bundle))
        authorization.write_text(_MAY_ONLY_ASK, encoding="utf-8")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        command = [opa, "run", "--server", "--addr", address, "--authentication=token", "--authorization=basic", "--skip-version-check"]
        command += ["--log-level=error", "--set", f"bundles.gov.resource={archive.as_uri()}", str(authorization)]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
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
