"""A client that we did not write talks to the gateway: KServe's `InferenceRESTClient`, in an environment of its own.

KServe asks for a web framework and versions of its own, so it is not among our dependencies: `kserve-python` on the PATH is an
interpreter that has it (`.ci/install-kserve FOLDER`).
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serving.packages import MODEL
from tests.serving.running import running_gateway

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, tool: Callable[[str], str]) -> Iterator[dict[str, Any]]:
    """What the client saw."""
    python = tool("kserve-python")
    with running_gateway(tmp_path_factory.mktemp("kserve")) as gateway:
        gateway.serve(3)
        url = str(gateway.client.status().url)
        script = str(Path(__file__).parent.with_name("kserve_caller.py"))
        done = subprocess.run([python, script, url, MODEL], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        yield json.loads(done.stdout.splitlines()[-1])


def test_it_sees_that_server_and_model_are_ready(found: dict[str, Any]) -> None:
    """By the end points that KServe's own health checks use."""
    assert (found["live"], found["ready"], found["model ready"]) == (True, True, True)


def test_it_gets_the_same_answer_as_json_and_as_bytes(found: dict[str, Any]) -> None:
    """With the id of its request. The version that answered is in the answer, and left out by this client."""
    assert found["json"]["id"] == found["binary"]["id"] == "from-kserve"
    assert found["json"]["outputs"]
    assert found["json"]["outputs"] == found["binary"]["outputs"]


def test_it_is_told_why_it_is_refused(found: dict[str, Any]) -> None:
    """A value out of bounds and a model that nobody serves are errors in the protocol's form, which the client shows."""
    status, said = found["refused"]
    assert status == 400
    assert "income" in said
    status, said = found["unknown"]
    assert status == 404
    assert "nobodys" in said
