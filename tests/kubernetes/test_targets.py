"""What a version is on a cluster, and what a controller needs to be allowed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from lifecycle.records.record import Digest
from lifecycle.serving.targets.contract import Placement, TargetVersion
from lifecycle.serving.targets.driving import Drive
from lifecycle.serving.targets.http_route import accepted, placed_in, route_manifest
from lifecycle.serving.targets.workloads import Deployments, InferenceServices, PodTemplate, Workload, object_name, slug
from tests.kubernetes.cluster import DEPLOYMENTS
from tests.serving.places import Told, place
from tests.serving.targets.driven import HALF_FIRST, PACE, asking, serve

DIGEST: Digest = "sha256:" + "ab" * 32
VERSION = TargetVersion(version=3, digest=DIGEST)
TEMPLATE = PodTemplate(image="registry.example/lifecycle:0.1.0", claim="lifecycle-home")
WORKLOADS: list[Workload] = [Deployments(TEMPLATE), InferenceServices(TEMPLATE)]


def pod_of(workload: Workload) -> dict[str, Any]:
    _, last = workload.objects("credit", VERSION)[-1]
    spec: dict[str, Any] = last["spec"].get("predictor") or last["spec"]["template"]["spec"]
    return spec


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_versions_pods_are_those_of_the_gateway(workload: Workload) -> None:
    """User, privileges, probes and settings are what deployments/kubernetes/gateway.yaml has."""
    gateway = next(iter(yaml.safe_load_all((DEPLOYMENTS / "gateway.yaml").read_text(encoding="utf-8"))))["spec"]["template"]["spec"]
    pod = pod_of(workload)
    (there,), (here,) = gateway["containers"], pod["containers"]
    for key in ("automountServiceAccountToken", "terminationGracePeriodSeconds", "enableServiceLinks", "securityContext"):
        assert pod[key] == gateway[key], key
    for key in ("image", "envFrom", "readinessProbe", "livenessProbe", "securityContext"):
        assert here[key] == there[key], key
    assert there["volumeMounts"][0]["mountPath"] == here["volumeMounts"][0]["mountPath"]
    assert gateway["volumes"][0] == pod["volumes"][0]


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_versions_pods_can_not_reach_the_keys_that_sign(workload: Workload) -> None:
    """Of the shared volume, on which the private keys lie as well, they see a folder of their own and their package, to read."""
    (container,) = pod_of(workload)["containers"]
    of_the_volume = [mount for mount in container["volumeMounts"] if mount["name"] == "home"]
    assert all(mount.get("subPath") or mount.get("subPathExpr") for mount in of_the_volume)
    assert [mount["readOnly"] for mount in of_the_volume if "subPath" in mount] == [True]
    keys = next(mount for mount in container["volumeMounts"] if mount["name"] == "trust")
    home = next(one["value"] for one in container["env"] if one["name"] == "LIFECYCLE_HOME")
    assert keys["mountPath"] == f"{home}/keys"


def test_other_bytes_and_other_models_have_other_names() -> None:
    """Two versions never share an object, and names are such as a cluster takes."""
    other = TargetVersion(version=3, digest="sha256:" + "cd" * 32)
    assert object_name("credit", VERSION) == "credit-v3-abababab"
    assert object_name("credit", other) != object_name("credit", VERSION)
    assert slug("my_model") != slug("my-model")
    assert len(object_name("m" * 200, VERSION)) < 63


def test_a_route_names_only_versions_that_have_a_share() -> None:
    """A backend that is not there would answer 500 for its share; weights add up to the whole."""
    workload = WORKLOADS[0]

    def service(version: TargetVersion | None) -> str:
        return "nobody" if version is None else workload.service("credit", version)

    champion = TargetVersion(version=2, digest=DIGEST)
    for weight, named in ((0.0, [1_000]), (0.01, [990, 10]), (1.0, [1_000])):
        placement = Placement(model="credit", champion=champion, canary=VERSION, weight=weight)
        route = route_manifest("credit", "infra/public", placement, service, 80)
        assert [one["weight"] for one in route["spec"]["rules"][0]["backendRefs"]] == named
        read = placed_in({**route, "metadata": {**route["metadata"], "resourceVersion": "7"}}, "credit", service, 80)
        assert (read.placement, read.revision, read.in_force) == (placement, "7", True)


def test_a_route_counts_as_taken_in_only_in_its_latest_generation() -> None:
    """What a gateway said of an earlier generation says nothing of this one."""

    def route(observed: int, status: str = "True") -> dict[str, Any]:
        conditions = [{"type": what, "status": status, "observedGeneration": observed} for what in ("Accepted", "ResolvedRefs")]
        return {"metadata": {"generation": 2}, "status": {"parents": [{"conditions": conditions}]}}

    assert accepted(route(2))
    assert not accepted(route(1))
    assert not accepted(route(2, "False"))
    assert not accepted({"metadata": {"generation": 1}})


def _allowed() -> set[tuple[str, str]]:
    _, role, _ = yaml.safe_load_all((DEPLOYMENTS / "targets.yaml").read_text(encoding="utf-8"))
    return {(verb, resource) for rule in role["rules"] for resource in rule["resources"] for verb in rule["verbs"]}


def _verb(call: str) -> tuple[str, str]:
    """The verb and the resource that a call is authorised as."""
    method, path = call.split(" ")
    if "/proxy/" in path:
        return "get", "pods/proxy"
    resource, _, name = path.partition("/namespaces/lifecycle/")[2].partition("/")
    return {"GET": "get" if name else "list", "POST": "create", "PATCH": "patch", "DELETE": "delete"}[method], resource


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["deployments", "kserve"])
def test_a_rollout_needs_no_right_that_its_role_does_not_give(kind: str, tmp_path: Path) -> None:
    """Every call of a whole rollout is one that deployments/kubernetes/targets.yaml allows."""

    async def run() -> None:
        async with place(kind, tmp_path) as there:
            await serve(there)
            drive = asyncio.create_task(Drive(there.target(), Told(), there.version(2, HALF_FIRST), PACE).run())
            await asking(there, drive)
            assert (await drive).outcome == "completed"
            assert {_verb(call) for call in there.server.calls} <= _allowed()

    asyncio.run(run())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["deployments", "kserve"])
@pytest.mark.parametrize("refers", [True, False])
def test_what_no_version_may_answer_yet_is_answered_by_a_gateway_without_one(kind: str, refers: bool, tmp_path: Path) -> None:
    """The first version has its share and no more; the rest is referred or refused, as declared, until it has all of it."""

    async def run() -> None:
        async with place(kind, tmp_path) as there:
            plan = HALF_FIRST.model_copy(update={"without_champion": "refer" if refers else "refuse"})
            drive = asyncio.create_task(Drive(there.target(), Told(), there.version(1, plan), PACE).run())
            while not there.server.routed("credit"):
                await asyncio.sleep(0.01)
            assert set(await there.ask(15)) == {0, 1}
            nobody = there.server.objects["Deployment", "credit-nobody"]["spec"]["template"]["spec"]["containers"][0]["args"]
            assert nobody == ["lifecycle", "gateway", "run", "--nobody", "credit", *(["--refer"] if refers else [])]
            await asking(there, drive)
            assert (await drive).outcome == "completed"
            assert await there.ask(10) == {1: 10}
            assert {pod.version for pod in there.server.pods.values()} == {"1"}
            assert {_verb(call) for call in there.server.calls} <= _allowed()

    asyncio.run(asyncio.wait_for(run(), 60))
