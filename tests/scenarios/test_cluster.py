"""A life on a cluster: the same steps, the same ledger, and a controller where the gateway is on one machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lifecycle.errors import LifecycleError
from lifecycle.life.deployment import deploy_version
from lifecycle.life.gates import standing
from lifecycle.life.people.approval import approve_version
from lifecycle.life.recording import Step
from lifecycle.life.revocation import revoke
from lifecycle.life.rollback import roll_back
from lifecycle.records.bodies.serving import RolloutCompleted
from lifecycle.records.rollout import Guardrail, RolloutPlan, RolloutStep
from lifecycle.serving.client import GatewayClient
from tests.kubernetes.api_server import ApiServer, served
from tests.kubernetes.controller import TARGET, callers
from tests.scenarios.homes import PROJECT, departments_at
from tests.serving.running import PATIENCE, wait_for

pytestmark = pytest.mark.slow
IN_TWO_STEPS = RolloutPlan(
    steps=(RolloutStep(weight=0.1, minimum_n=5, bake_seconds=0.0), RolloutStep(weight=1.0, minimum_n=5, bake_seconds=0.0)),
    guardrails=(Guardrail(kind="errors"),),
    without_champion="refer",
)


class Life:
    """A home whose versions serve on a cluster."""

    def __init__(self, home: Path, server: ApiServer, host: str) -> None:
        from lifecycle.demo.people import enrol_cast

        self.server = server
        self.departments = departments_at(home)
        self.cast = enrol_cast(self.departments)
        declared = self.departments.model("credit")
        self.model = declared.model_copy(update={"rollout": IN_TWO_STEPS})
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None
        (home / "target.yaml").write_text(yaml.safe_dump(TARGET))
        user = {"name": "one", "cluster": {"server": host}}
        context = {"name": "one", "context": {"cluster": "one", "user": "one"}}
        known = {"clusters": [user], "contexts": [context], "users": [{"name": "one", "user": {}}], "current-context": "one"}
        (home / "kubeconfig").write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", **known}))

    def start(self) -> None:
        told = {"LIFECYCLE_PROJECT": str(PROJECT), "LIFECYCLE_HOME": str(self._home), "KUBECONFIG": str(self._home / "kubeconfig")}
        verb = [sys.executable, "-m", "lifecycle.cli.main", "gateway", "run", "--target", str(self._home / "target.yaml")]
        with (self._home / "controller.log").open("ab") as log:
            self._process = subprocess.Popen(verb, env={**os.environ, **told}, stdout=log, stderr=log)
        wait_for(self._answers, "the controller answers")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._home / "controller.log").read_text()
        return _answers(self.departments.gateway)

    def end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(PATIENCE)

    def train(self, run_id: str, seed: int) -> int:
        """One candidate from the data to an approval; returns its version."""
        from lifecycle.life.evaluation import evaluate_candidate
        from lifecycle.life.ingestion import ingest_dataset
        from lifecycle.life.promotion import ask_for_promotion
        from lifecycle.life.training import train_candidate

        step = Step(run_id=run_id)
        dataset = ingest_dataset(self.departments, self.model, step)
        trained = train_candidate(self.departments, self.model, dataset, step, report=lambda line: None, seed=seed)
        version = trained.event.subject.version
        assert version is not None
        evaluate_candidate(self.departments, self.model, version, step)
        ask_for_promotion(self.departments, self.model, version, step)
        officer, reason = self.cast.officer, "It is within its limits."
        approve_version(self.departments, "credit", version, person=officer, key_file=self.cast.key(officer), reason=reason)
        return version

    def as_in_a_pod(self, version: int) -> str:
        """Which version a pod's gateway is ready with that has the package and the public keys, and no key that signs."""
        (package,) = (self._home / "targets" / "packages").glob(f"credit-v{version}-*")
        home = self._home.with_name("pod")
        (home / "keys").mkdir(parents=True)
        for name in ("ledger.pub", "signing.pub"):
            (home / "keys" / name).write_bytes((self._home / "keys" / name).read_bytes())
        (home / "keys").chmod(0o500)
        url = self.departments.settings.ledger_url
        told = {"LIFECYCLE_PROJECT": str(PROJECT), "LIFECYCLE_HOME": str(home), "LIFECYCLE_LEDGER_URL": url}
        verb = [sys.executable, "-m", "lifecycle.cli.main", "gateway", "run", "--only", str(package)]
        client = GatewayClient(home / "gateway")
        with (self._home / "pod.log").open("ab") as log, subprocess.Popen(verb, env={**os.environ, **told}, stdout=log, stderr=log) as pod:
            try:
                wait_for(lambda: pod.poll() is not None or _answers(client), "the pod answers")
                assert pod.poll() is None, (self._home / "pod.log").read_text()
                with urllib.request.urlopen(f"{client.status().url}/v2/models/credit", timeout=30) as answer:
                    assert {file.name for file in (home / "keys").iterdir()} == {"ledger.pub", "signing.pub"}
                    return str(json.load(answer)["versions"][0])
            finally:
                pod.send_signal(signal.SIGTERM)

    def states(self) -> dict[int, str]:
        return {version: state for (_, version), state in standing.states(self.departments).items()}


def _answers(client: GatewayClient) -> bool:
    try:
        client.status()
    except LifecycleError:
        return False
    return True


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    """A fresh home, and a controller on it."""
    server = ApiServer()
    home = tmp_path / "home"
    home.mkdir()
    with served(server) as client:
        made = Life(home, server, client.configuration.host)
        try:
            made.start()
            yield made
        finally:
            made.end()
            made.departments.ledger.close()


def test_a_version_is_deployed_rolled_back_and_revoked_on_a_cluster(life: Life) -> None:
    """By the same steps as on one machine; what the ledger says serves is what the route names."""
    departments = life.departments
    for seed in (1, 2):
        version = life.train(f"train-{seed}", seed)
        with callers(life.server):
            ended = deploy_version(departments, life.model, version, Step(run_id=f"deploy-{seed}"), report=lambda line: None)
        assert isinstance(ended.event.body, RolloutCompleted)
    assert life.states() == {1: "superseded", 2: "serving"}
    assert {pod.version for pod in life.server.pods.values()} == {"2"}
    assert life.as_in_a_pod(2) == "2"

    done = roll_back(departments, life.model, Step(run_id="back"), reason="complaints from branch 12")
    assert (done.from_version, done.to_version) == (2, 1)
    wait_for(lambda: life.states() == {1: "serving", 2: "rolled_back"}, "the ledger says what serves")
    assert {pod.version for pod in life.server.pods.values()} == {"1"}

    revoke(departments, "credit:1", reason="Its data was not ours to use.")
    wait_for(lambda: life.server.objects["HTTPRoute", "credit"]["spec"]["rules"][0]["backendRefs"] == [], "nobody answers")
    wait_for(lambda: life.server.pods == {}, "its pods end")
    assert life.states()[1] == "revoked"
    wait_for(lambda: "no version stands by that may" in departments.gateway.status().models[0].fault, "the status says why")
