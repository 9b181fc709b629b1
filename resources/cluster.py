"""A Kubernetes cluster: a Job for each run, a Job for each step, and a GPU for the one stage that trains.

The namespace, the image, the service account and the LIFECYCLE_* settings come from the run launcher, which the
Helm values in deployments/kubernetes configure. Here stands only what differs between the stages.
"""

from __future__ import annotations

from typing import Any

from dagster_k8s import k8s_job_executor

from lifecycle.resources import LifecycleResource, RunsOn

#: What each stage asks of a node: CPU cores and memory. Limits equal requests for memory, so that a step that grows
#: past them is killed by name (OOMKilled) and its neighbours are not; CPU has no limit, only a share.
STAGES: dict[str, tuple[str, str]] = {
    "dataset": ("1", "4Gi"),
    "candidate": ("4", "16Gi"),
    "evaluation": ("2", "8Gi"),
    "promotion": ("500m", "2Gi"),
    "deployment": ("500m", "2Gi"),
    "monitoring": ("1", "4Gi"),
    "rollback": ("500m", "2Gi"),
    "recall": ("1", "4Gi"),
}
GPU_STAGE = "candidate"
GPU = "nvidia.com/gpu"

#: No step needs privileges. The image runs as this user; /tmp is the one place it may write besides its volumes.
SECURE_POD: dict[str, Any] = {
    # The variables of a Service called lifecycle-… would be taken for settings.
    "enableServiceLinks": False,
    "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "fsGroup": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
}
SECURE_CONTAINER: dict[str, Any] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def pod(stage: str) -> dict[str, Any]:
    """The `dagster-k8s/config` of a stage's step: its resources, and for training a GPU with the shared memory that it needs."""
    cores, memory = STAGES[stage]
    requests, limits = {"cpu": cores, "memory": memory}, {"memory": memory}
    config: dict[str, Any] = {
        "container_config": {"resources": {"requests": requests, "limits": limits}},
        "pod_template_spec_metadata": {"labels": {"lifecycle/stage": stage}},
    }
    if stage == GPU_STAGE:
        requests[GPU] = limits[GPU] = "1"
        # A container's /dev/shm is 64 MB unless a volume replaces it; torch's data loaders pass batches through it.
        config["container_config"]["volume_mounts"] = [{"name": "shared-memory", "mount_path": "/dev/shm"}]
        config["pod_spec_config"] = {
            "volumes": [{"name": "shared-memory", "empty_dir": {"medium": "Memory", "size_limit": "2Gi"}}],
            "tolerations": [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}],
        }
    return config


runs_on = RunsOn(
    resources={"lifecycle": LifecycleResource()},
    executor=k8s_job_executor.configured(
        {
            # Stated, because otherwise the launcher's kubeconfig is used, which exists on the launcher's machine only.
            "load_incluster_config": True,
            "kubeconfig_file": None,
            # A cancelled or deleted run takes the pods of its steps with it.
            "enable_owner_references": True,
            "step_k8s_config": {
                "container_config": {"security_context": SECURE_CONTAINER},
                "pod_spec_config": SECURE_POD,
                # One attempt a Job: the step's retry policy decides whether there is another, and records it.
                "job_spec_config": {"backoff_limit": 0, "ttl_seconds_after_finished": 86_400},
            },
        },
        name="k8s",
    ),
    op_tags={stage: {"dagster-k8s/config": pod(stage)} for stage in STAGES},
    pools={GPU_STAGE: "gpu"},
)
