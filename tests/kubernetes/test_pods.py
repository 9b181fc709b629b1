"""The Jobs that a cluster would be asked for, byte for byte, and what must be true of each of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.kubernetes.cluster import DEPLOYMENTS, GOLDEN, REPOSITORY, RUN_ID, Cluster, Manifest, cluster, readable

#: The stages of the job that trains; the others are launched by jobs of their own with the same tags.
STAGES = ("dataset", "candidate", "evaluation", "promotion")

pytestmark = pytest.mark.xdist_group("kubernetes")


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("dagster")) as made:
        yield made


@pytest.fixture(scope="module")
def pods(target: Cluster) -> dict[str, Manifest]:
    """Each Job's pod template, by what it is for."""
    return {"run": target.launch(), **{stage: target.launch_step(stage) for stage in STAGES}}


def container(job: Manifest) -> dict[str, Any]:
    (only,) = job["spec"]["template"]["spec"]["containers"]
    assert isinstance(only, dict)
    return only


@pytest.mark.parametrize("what", ["run", *STAGES])
def test_a_job_is_what_its_golden_file_says(pods: dict[str, Manifest], what: str) -> None:
    """A change of what runs on a cluster shows as a change of a file that is reviewed (`python -m tests.kubernetes.write_golden`)."""
    name = "run.yaml" if what == "run" else f"step_{what}.yaml"
    assert readable(pods[what]) == (GOLDEN / name).read_text(encoding="utf-8")


def test_every_stage_has_a_pod_of_its_own() -> None:
    """No stage of a model runs with what happens to be the default."""
    from resources.cluster import runs_on

    stages = {path.stem for path in (REPOSITORY / "lifecycle" / "stages").glob("*.py")} - {
        "__init__",
        "stage",
        "tables",
        "lineage_export",
        "anchoring",
        "reconciliation",
        "compaction",
    }
    assert set(runs_on.op_tags) == stages


def test_only_training_gets_a_gpu(pods: dict[str, Manifest]) -> None:
    """One GPU, for the candidate's step; the run worker and the other steps hold none."""
    with_gpu = {what for what, job in pods.items() if "nvidia.com/gpu" in container(job)["resources"]["limits"]}
    assert with_gpu == {"candidate"}
    assert container(pods["candidate"])["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert pods["candidate"]["spec"]["template"]["spec"]["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    ]


@pytest.mark.parametrize("what", ["run", *STAGES])
def test_no_pod_has_privileges(pods: dict[str, Manifest], what: str) -> None:
    """Every pod runs as an ordinary user, without capabilities, and cannot gain any."""
    pod = pods[what]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container(pods[what])["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


@pytest.mark.parametrize("what", ["run", *STAGES])
def test_every_pod_says_what_it_needs(pods: dict[str, Manifest], what: str) -> None:
    """CPU and memory are requested, and memory is limited to what is requested or a little more."""
    resources = container(pods[what])["resources"]
    assert set(resources["requests"]) >= {"cpu", "memory"}
    assert "memory" in resources["limits"]


@pytest.mark.parametrize("what", ["run", *STAGES])
def test_every_pod_shares_settings_secrets_and_home(pods: dict[str, Manifest], what: str) -> None:
    """A step finds the ledger, the store and the checkpoints that the step before it used."""
    found = container(pods[what])
    assert {"configMapRef": {"name": "lifecycle-settings"}} in found["envFrom"]
    assert {"secretRef": {"name": "lifecycle-secrets"}} in found["envFrom"]
    assert any(mount["mountPath"] == "/var/lib/lifecycle" for mount in found["volumeMounts"])
    assert found["image"] == "registry.example/lifecycle:0.1.0"


@pytest.mark.parametrize("what", ["run", *STAGES])
def test_a_job_is_tried_once(pods: dict[str, Manifest], what: str) -> None:
    """Whether there is another attempt is Dagster's decision, which is recorded, and never the cluster's."""
    assert pods[what]["spec"]["backoffLimit"] == 0
    assert pods[what]["spec"]["template"]["spec"]["restartPolicy"] == "Never"


def test_the_worker_of_a_failed_run_fails_too(pods: dict[str, Manifest]) -> None:
    """The cluster must not report the Job of a failed run as succeeded."""
    from dagster._grpc.types import ExecuteRunArgs
    from dagster._serdes import deserialize_value

    packed = next(argument for argument in container(pods["run"])["args"] if argument.startswith("{"))
    assert deserialize_value(packed, ExecuteRunArgs).set_exit_code_on_failure is True


def test_each_job_names_its_run(pods: dict[str, Manifest]) -> None:
    """From a pod one finds the run in Dagster, and with it the events in the ledger."""
    for job in pods.values():
        assert job["metadata"]["labels"]["dagster/run-id"] == RUN_ID


def test_a_refused_creation_is_an_error_of_the_launch(target: Cluster) -> None:
    """Where the cluster says no (a quota, a missing right), the launch fails loudly and creates nothing."""
    from dagster_k8s.client import DagsterK8sUnrecoverableAPIError
    from kubernetes.client.rest import ApiException

    refusal = ApiException(status=403, reason="Forbidden")
    target.api.refusals.append(refusal)
    before = len(target.api.jobs)
    with pytest.raises(DagsterK8sUnrecoverableAPIError) as refused:
        target.launch()
    assert refused.value.original_exc_info[1] is refusal
    assert len(target.api.jobs) == before


def test_the_files_agree_with_each_other() -> None:
    """Names, the user, the port and the path are the same in the values, the settings and the gateway."""
    from resources.cluster import SECURE_POD

    values = yaml.safe_load((DEPLOYMENTS / "values.yaml").read_text(encoding="utf-8"))
    settings, claim = yaml.safe_load_all((DEPLOYMENTS / "settings.yaml").read_text(encoding="utf-8"))
    gateway, service = yaml.safe_load_all((DEPLOYMENTS / "gateway.yaml").read_text(encoding="utf-8"))
    (location,) = values["dagster-user-deployments"]["deployments"]
    pod = gateway["spec"]["template"]["spec"]
    (serving,) = pod["containers"]
    assert serving["image"] == f"{location['image']['repository']}:{location['image']['tag']}"
    assert {"configMapRef": {"name": settings["metadata"]["name"]}} in serving["envFrom"]
    assert location["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert settings["data"]["LIFECYCLE_HOME"] == serving["volumeMounts"][0]["mountPath"] == location["volumeMounts"][0]["mountPath"]
    assert pod["securityContext"] == SECURE_POD["securityContext"]
    assert values["runLauncher"]["config"]["k8sRunLauncher"]["runK8sConfig"]["podSpecConfig"]["securityContext"] == pod["securityContext"]
    assert service["spec"]["selector"] == gateway["spec"]["selector"]["matchLabels"]
    assert service["spec"]["selector"].items() <= gateway["spec"]["template"]["metadata"]["labels"].items()
    assert service["spec"]["ports"][0]["targetPort"] == serving["ports"][0]["name"]


def test_the_controller_runs_what_it_is_declared_to_and_may_do_so() -> None:
    """Its file is one that the verb takes, of the image, the volume and the namespace of the rest; its account is the one of the role."""
    from lifecycle.serving.targets.declaration import DeclaredTarget

    declared, controller = yaml.safe_load_all((DEPLOYMENTS / "controller.yaml").read_text(encoding="utf-8"))
    account, _, binding = yaml.safe_load_all((DEPLOYMENTS / "targets.yaml").read_text(encoding="utf-8"))
    gateway = next(iter(yaml.safe_load_all((DEPLOYMENTS / "gateway.yaml").read_text(encoding="utf-8"))))["spec"]["template"]["spec"]
    target = DeclaredTarget.of(yaml.safe_load(declared["data"]["target.yaml"]))
    pod = controller["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert (target.image, target.claim) == (container["image"], pod["volumes"][0]["persistentVolumeClaim"]["claimName"])
    assert (target.image, target.claim) == (gateway["containers"][0]["image"], gateway["volumes"][0]["persistentVolumeClaim"]["claimName"])
    assert pod["serviceAccountName"] == account["metadata"]["name"] == binding["subjects"][0]["name"]
    assert container["args"] == ["lifecycle", "gateway", "run", "--target", "/etc/lifecycle/target.yaml"]
    assert container["volumeMounts"][1]["mountPath"] == "/etc/lifecycle"
    assert controller["spec"]["replicas"] == 1
    assert (pod["securityContext"], container["securityContext"]) == (
        gateway["securityContext"],
        gateway["containers"][0]["securityContext"],
    )


def test_the_charts_version_is_the_packages() -> None:
    """Chart and Python packages of Dagster must be of one version."""
    import dagster

    assert f"--version {dagster.__version__}" in (DEPLOYMENTS / "values.yaml").read_text(encoding="utf-8")


#: What chart 1.13's values.schema.json allows under k8sRunLauncher and its runK8sConfig; any other key fails the installation.
LAUNCHER_KEYS = {
    "envConfigMaps",
    "envSecrets",
    "envVars",
    "failPodOnRunFailure",
    "image",
    "imagePullPolicy",
    "jobNamespace",
    "kubeconfigFile",
    "labels",
    "loadInclusterConfig",
    "resources",
    "runK8sConfig",
    "schedulerName",
    "securityContext",
    "volumeMounts",
    "volumes",
}
RUN_KEYS = {"containerConfig", "jobMetadata", "jobSpecConfig", "podSpecConfig", "podTemplateSpecMetadata"}


def test_the_values_use_only_keys_that_the_chart_knows() -> None:
    """The chart's schema is closed; a key that it does not know would fail the installation."""
    launcher = yaml.safe_load((DEPLOYMENTS / "values.yaml").read_text(encoding="utf-8"))["runLauncher"]["config"]["k8sRunLauncher"]
    assert set(launcher) <= LAUNCHER_KEYS
    assert set(launcher["runK8sConfig"]) <= RUN_KEYS


def pod_specs(pods: dict[str, Manifest]) -> dict[str, dict[str, Any]]:
    """Every pod of ours: of runs and steps, of the files, and of versions."""
    from lifecycle.serving.targets.contract import TargetVersion
    from lifecycle.serving.targets.workloads import Deployments, InferenceServices, PodTemplate

    version = TargetVersion(version=1, digest="sha256:" + "0" * 64)
    template = PodTemplate(image="registry.example/lifecycle:0.1.0", claim="lifecycle-home")
    found = {what: job["spec"]["template"]["spec"] for what, job in pods.items()}
    for file in sorted(DEPLOYMENTS.glob("*.yaml")):
        for one in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            if one.get("kind") == "Deployment":
                found[file.name] = one["spec"]["template"]["spec"]
    for _, manifest in Deployments(template).objects("credit", version):
        if manifest["kind"] == "Deployment":
            found["deployments"] = manifest["spec"]["template"]["spec"]
    ((_, service),) = InferenceServices(template).objects("credit", version)
    found["kserve"] = service["spec"]["predictor"]
    return found


def test_no_pod_is_told_of_services_in_variables(pods: dict[str, Manifest]) -> None:
    """A Service called lifecycle-gateway would set LIFECYCLE_GATEWAY_PORT to an address, and the settings refuse that."""
    specs = pod_specs(pods)
    assert {"run", "candidate", "gateway.yaml", "deployments", "kserve"} <= set(specs)
    assert [what for what, spec in specs.items() if spec.get("enableServiceLinks") is not False] == []


def test_no_service_of_ours_has_the_name_of_a_setting() -> None:
    """The chart can't leave service links out of the pod of the code location: no Service may begin as our settings do."""
    services = [
        one["metadata"]["name"]
        for file in sorted(DEPLOYMENTS.glob("*.yaml"))
        for one in yaml.safe_load_all(file.read_text(encoding="utf-8"))
        if one.get("kind") == "Service"
    ]
    values = yaml.safe_load((DEPLOYMENTS / "values.yaml").read_text(encoding="utf-8"))
    services += [one["name"] for one in values["dagster-user-deployments"]["deployments"]]
    assert services
    assert [name for name in services if name.startswith("lifecycle")] == []
