"""A cluster that keeps what it is asked for: the real dagster-k8s launcher and executor, over an API object of our own.

Nothing here builds a Job. The launcher is configured from the Helm values as the chart configures it, the executor is the
one of resources/cluster.py, and what they create is what a cluster would receive.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import dagster as dg
import kubernetes
import yaml
from dagster._config import process_config, resolve_to_config_type
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import create_execution_plan
from dagster._core.execution.context.system import PlanData, PlanOrchestrationContext
from dagster._core.execution.context_creation_job import create_context_free_log_manager
from dagster._core.execution.plan.step import ExecutionStep
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.init import InitExecutorContext
from dagster._core.executor.step_delegating import StepDelegatingExecutor, StepHandlerContext
from dagster._core.launcher import LaunchRunContext
from dagster._core.origin import DEFAULT_DAGSTER_ENTRY_POINT, JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.storage.dagster_run import DagsterRun
from dagster._core.system_config.objects import ResolvedRunConfig
from dagster._grpc.types import ExecuteStepArgs
from dagster_k8s import K8sRunLauncher
from dagster_k8s.client import DagsterKubernetesClient
from dagster_k8s.executor import K8sStepHandler

from lifecycle.definitions import build_definitions, runs_on_named
from lifecycle.settings import Settings
from lifecycle.wiring import Departments

REPOSITORY = Path(__file__).resolve().parents[2]
DEPLOYMENTS = REPOSITORY / "deployments" / "kubernetes"
GOLDEN = Path(__file__).with_name("golden")
RUN_ID = "00000000-0000-4000-8000-000000000001"
JOB = "credit_train_to_gate"

Manifest = dict[str, Any]


@dataclass
class ApiServer:
    """Takes the place of BatchV1Api and CoreV1Api: keeps the Jobs that are created, in the form that is sent."""

    jobs: list[Manifest] = field(default_factory=list)
    #: What the next creations are answered with; an exception is raised.
    refusals: list[Exception] = field(default_factory=list)

    def create_namespaced_job(self, body: kubernetes.client.V1Job, namespace: str, **_: object) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        sent: Manifest = kubernetes.client.ApiClient().sanitize_for_serialization(body)
        self.jobs.append({**sent, "metadata": {**sent["metadata"], "namespace": namespace}})


def helm_values() -> Manifest:
    loaded: Manifest = yaml.safe_load((DEPLOYMENTS / "values.yaml").read_text(encoding="utf-8"))
    return loaded


def launcher_config(values: Manifest) -> Manifest:
    """What the chart's template makes of `runLauncher.config.k8sRunLauncher`, in the release `dagster`, namespace `lifecycle`."""
    given = values["runLauncher"]["config"]["k8sRunLauncher"]
    snake = {re.sub(r"(?<!^)(?=[A-Z])", "_", key).lower(): value for key, value in given["runK8sConfig"].items()}
    return {
        "load_incluster_config": given["loadInclusterConfig"],
        "image_pull_policy": given["imagePullPolicy"],
        "fail_pod_on_run_failure": given["failPodOnRunFailure"],
        "run_k8s_config": snake,
        "job_namespace": "lifecycle",
        "service_account_name": values["global"]["serviceAccountName"],
        "dagster_home": values["global"]["dagsterHome"],
        "instance_config_map": "dagster-instance",
        "postgres_password_secret": "dagster-postgresql-secret",
    }


def code_location(values: Manifest) -> Manifest:
    """The container context that the chart gives the code location, and with it every run of it."""
    (location,) = values["dagster-user-deployments"]["deployments"]
    return {
        "image": f"{location['image']['repository']}:{location['image']['tag']}",
        "context": {
            "k8s": {
                "image_pull_policy": location["image"]["pullPolicy"],
                "env_config_maps": [entry["name"] for entry in location["envConfigMaps"]],
                "env_secrets": [entry["name"] for entry in location["envSecrets"]],
                "volumes": location["volumes"],
                "volume_mounts": location["volumeMounts"],
                "namespace": "lifecycle",
                "service_account_name": values["global"]["serviceAccountName"],
            }
        },
    }


@dataclass(frozen=True)
class Cluster:
    """One run of `credit_train_to_gate`, as it would be launched on a cluster."""

    api: ApiServer
    instance: dg.DagsterInstance
    job: dg.JobDefinition
    run: DagsterRun
    launcher: K8sRunLauncher

    def launch(self) -> Manifest:
        """Launches the run; returns the Job of its run worker."""
        self.launcher.launch_run(LaunchRunContext(dagster_run=self.run, workspace=None))
        return self.api.jobs[-1]

    def launch_step(self, stage: str) -> Manifest:
        """Has the executor launch the step of one stage; returns its Job."""
        in_memory, key = InMemoryJob(self.job), f"credit__{stage}"
        executor_def = self.job.executor_def
        create = executor_def.executor_creation_fn
        assert create is not None
        executor = create(
            InitExecutorContext(
                job=in_memory,
                executor_def=executor_def,
                executor_config=ResolvedRunConfig.build(self.job).execution.execution_engine_config,
                instance=self.instance,
            )
        )
        assert isinstance(executor, StepDelegatingExecutor)
        handler = executor._step_handler
        assert isinstance(handler, K8sStepHandler)
        handler._api_client = DagsterKubernetesClient.production_client(batch_api_override=self.api, core_api_override=self.api)
        plan = create_execution_plan(in_memory)
        orchestration = PlanOrchestrationContext(
            plan_data=PlanData(
                job=in_memory,
                dagster_run=self.run,
                instance=self.instance,
                execution_plan=plan,
                raise_on_error=True,
                retry_mode=RetryMode.DISABLED,
            ),
            log_manager=create_context_free_log_manager(self.instance, self.run),
            executor=executor,
            output_capture=None,
        )
        assert self.run.job_code_origin is not None
        asked = ExecuteStepArgs(self.run.job_code_origin, self.run.run_id, [key], print_serialized_events=False)
        steps = cast("list[ExecutionStep]", plan.steps)
        list(handler.launch_step(StepHandlerContext(self.instance, orchestration, steps, asked, self.run)))
        return self.api.jobs[-1]


@contextmanager
def cluster(home: Path) -> Iterator[Cluster]:
    """A cluster with nothing on it yet, and a Dagster instance in `home` whose launcher talks to it."""
    departments = Departments(Settings.from_environment({}, start=REPOSITORY))
    definitions = build_definitions(departments.models, runs_on_named("cluster"))
    values, api = helm_values(), ApiServer()
    location = code_location(values)
    schema = process_config(resolve_to_config_type(K8sRunLauncher.config_type()), launcher_config(values))
    assert schema.success, schema.errors
    origin = JobPythonOrigin(
        JOB,
        RepositoryPythonOrigin(
            executable_path="python",
            code_pointer=ModuleCodePointer("lifecycle.definitions", "lifecycle_definitions", "/srv/lifecycle"),
            container_image=location["image"],
            entry_point=DEFAULT_DAGSTER_ENTRY_POINT,
            container_context=location["context"],
        ),
    )
    with patch("kubernetes.config.load_incluster_config"), dg.DagsterInstance.local_temp(str(home)) as instance:
        launcher = K8sRunLauncher(**schema.value, k8s_client_batch_api=api, k8s_client_core_api=api)  # type: ignore[arg-type]  # checked above
        launcher.register_instance(instance)
        with patch.object(type(instance), "run_launcher", launcher):
            run = instance.add_run(DagsterRun(job_name=JOB, run_id=RUN_ID, job_code_origin=origin))
            yield Cluster(api, instance, definitions.resolve_job_def(JOB), run, launcher)


def readable(manifest: Manifest) -> str:
    """A Job as YAML, with what carries no decision of ours (hashed names, packed arguments, versions) put into words."""

    def settle(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            if value.get("name") == "DAGSTER_COMPRESSED_EXECUTE_STEP_ARGS":
                return {"name": value["name"], "value": "<packed arguments of the step>"}
            return {name: settle(item, name) for name, item in value.items()}
        if isinstance(value, list):
            return [settle(item, key) for item in value]
        if isinstance(value, str) and key == "args" and value.startswith("{"):
            return "<packed arguments>"
        if isinstance(value, str):
            return re.sub(r"dagster-step-[0-9a-f]{32}", "dagster-step-<hash>", value)
        return value

    def unversioned(labels: Any) -> Any:
        if isinstance(labels, dict):
            return {name: unversioned(item) for name, item in labels.items() if name != "app.kubernetes.io/version"}
        return [unversioned(item) for item in labels] if isinstance(labels, list) else labels

    return yaml.safe_dump(unversioned(settle(manifest)), sort_keys=True, width=140, allow_unicode=True)
