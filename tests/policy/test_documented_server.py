"""An OPA server run as docs/how-to/decide-on-an-opa-server.md says, with the files of deployments/opa and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lifecycle.policy.archive import create_key, packed, read_private_key
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.decision_log import read_decision_log
from lifecycle.policy.gatekeeper import GateKeeper
from lifecycle.policy.server import ServerEngine
from lifecycle.policy.shipping import await_revision
from tests.policy import server
from tests.policy.questions import NOBODY_DIGEST, good
from tests.ports import free_port

DEPLOYED = Path(__file__).resolve().parents[2] / "deployments" / "opa"
PATIENCE_SECONDS = 60.0


class Store(SimpleHTTPRequestHandler):
    """What servers fetch their bundle from."""

    def log_message(self, *said: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def served(tool: Callable[[str], str], bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of the server, and where it logs to."""
    opa, folder = tool("opa"), tmp_path_factory.mktemp("documented")
    create_key(folder / "policy.key")
    (folder / "bundle.tar.gz").write_bytes(packed(bundle, read_private_key(folder / "policy.key")))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Store, directory=str(folder))) as store:
        address = f"127.0.0.1:{free_port()}"
        threading.Thread(target=store.serve_forever, daemon=True).start()
        told = {
            "POLICIES_URL": f"http://127.0.0.1:{store.server_address[1]}",
            "POLICY_PUBLIC_KEY": (folder / "policy.pub").read_text().replace("\n", "\\n"),
            "LIFECYCLE_OPA_TOKEN": server.TOKEN,
            "GOGC": "off",
            "GOMEMLIMIT": "256MiB",
        }
        command = [opa, "run", "--server", "--addr", address, "--authentication=token", "--authorization=basic", "--skip-version-check"]
        command += ["--config-file", str(DEPLOYED / "config.yaml"), str(DEPLOYED / "authz.rego")]
        with (folder / "opa.log").open("wb") as log:
            process = subprocess.Popen(command, env={**os.environ, **told}, cwd=folder, stdout=log, stderr=log)
        try:
            await_revision(f"http://{address}", server.TOKEN, bundle, ca_file=None, seconds=PATIENCE_SECONDS)
            yield f"http://{address}", folder / "opa.log"
        finally:
            process.kill()
            process.wait()
            store.shutdown()


def test_it_decides_by_the_signed_bundle_and_names_its_decisions(served: tuple[str, Path], bundle: Bundle) -> None:
    """The decision carries the id of the entry in the server's own log."""
    url, log = served
    keeper = GateKeeper(ServerEngine(url, server.TOKEN, bundle), bundle, people_digest=NOBODY_DIGEST, environment="local")
    question = good(bundle, "data_access")
    decision = keeper.ask(question.model_copy(update={"request": question.request.model_copy(update={"id": "documented"})}))
    assert decision.allowed
    assert decision.logged_as in {entry.decision_id for entry in read_decision_log(log)}


@pytest.mark.parametrize(
    ("method", "path", "token"),
    [
        ("PUT", "/v1/policies/gov", server.TOKEN),
        ("PUT", "/v1/data/limits", server.TOKEN),
        ("PATCH", "/v1/data/limits", server.TOKEN),
        ("DELETE", "/v1/policies/gov", server.TOKEN),
        ("GET", "/v1/data", server.TOKEN),
        ("GET", "/v1/policies", server.TOKEN),
        ("GET", "/v1/config", server.TOKEN),
        ("POST", "/v1/data", server.TOKEN),
        ("POST", "/v1/data/limits", server.TOKEN),
        ("POST", "/v1/data/system/authz", server.TOKEN),
        ("POST", "/v1/query", server.TOKEN),
        ("POST", "/v1/compile", server.TOKEN),
        ("POST", "/health", server.TOKEN),
        ("POST", "/v1/data/gov/rollback/decision", "another"),
        ("POST", "/v1/data/gov/rollback/decision", ""),
        ("POST", "/v1/data/gov/../system/authz", server.TOKEN),
    ],
)
def test_nobody_may_do_anything_but_ask_a_gate(served: tuple[str, Path], method: str, path: str, token: str) -> None:
    """Not with the right token either: refused before anything is read or changed."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(served[0] + path, b"{}", {**headers, "Content-Type": "application/json"}, method=method)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    # 307: sent to the path as a server reads it, which is then refused like any other.
    assert refused.value.code in (307, 401, 404)
    assert "result" not in json.loads(refused.value.read() or b"{}")


def test_readiness_needs_no_token(served: tuple[str, Path]) -> None:
    """A probe of Kubernetes has none."""
    with urllib.request.urlopen(f"{served[0]}/health?bundles=true", timeout=10) as answer:
        assert answer.status == 200
