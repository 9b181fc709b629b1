"""What a version runs as on a cluster: a Deployment and a Service of the gateway's image, or one InferenceService of KServe.

Either way its pods run the gateway with that one version, which checks proof, signature and bytes itself before it answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Protocol

from lifecycle.serving.homes import PODS
from lifecycle.serving.targets.contract import TargetVersion
from lifecycle.serving.targets.kubernetes_api import DEPLOYMENT, INFERENCE_SERVICE, SERVICE, Kind, Manifest

PORT = 8470
_LONGEST_SLUG = 36


@dataclass(frozen=True)
class PodTemplate:
    """What every pod of a version has in common."""

    image: str
    #: The PersistentVolumeClaim with the admitted packages; each pod keeps its own journal and prediction log there too.
    claim: str
    #: Where on that volume the packages lie.
    packages: str = "targets/packages"
    #: The ConfigMap with the public keys that a pod believes.
    trust: str = "lifecycle-trust"
    #: The home of a pod, which is a folder of its own on that volume.
    home: str = "/var/lib/lifecycle"
    settings: str = "lifecycle-settings"
    secret: str = "lifecycle-secrets"
    replicas: int = 2
    cpu: str = "1"
    memory: str = "2Gi"


class Workload(Protocol):
    """How versions run, in the cluster's objects."""

    def objects(self, model: str, version: TargetVersion) -> tuple[tuple[Kind, Manifest], ...]:
        """What to apply, in this order; it is deleted in the other."""

    def watched(self, model: str, version: TargetVersion) -> tuple[Kind, str]:
        """The object whose status says whether the version is ready."""

    def not_ready(self, found: Manifest) -> str:
        """Why that object is not ready; "" where it is."""

    def service(self, model: str, version: TargetVersion) -> str:
        """The Service that a route sends requests to."""

    @property
    def port(self) -> int:
        """The port of that Service."""

    def pod_labels(self, model: str, version: TargetVersion) -> dict[str, str]:
        """What its pods, and no others, are labelled with."""

    @property
    def template(self) -> PodTemplate:
        """What the pods have in common."""


def slug(model: str) -> str:
    """A model's name as the cluster takes names (RFC 1123 label); another name never gives the same."""
    plain = model.lower().replace("_", "-").replace(".", "-")[:_LONGEST_SLUG].strip("-")
    return plain if plain == model else f"{plain or 'model'}-{blake2b(model.encode(), digest_size=3).hexdigest()}"


def object_name(model: str, version: TargetVersion) -> str:
    """The name of a version's objects: other bytes have another."""
    return f"{slug(model)}-v{version.version}-{version.digest.removeprefix('sha256:')[:8]}"


class Deployments:
    """One Deployment and one Service for each version."""

    port = 80

    def __init__(self, template: PodTemplate) -> None:
        self.template = template

    def objects(self, model: str, version: TargetVersion) -> tuple[tuple[Kind, Manifest], ...]:
        name, labels = object_name(model, version), self.pod_labels(model, version)
        header = _header(model, str(version.version), version.digest)
        return _deployed(name, header, labels, self.template.replicas, _version_pod(self.template, model, version))

    def watched(self, model: str, version: TargetVersion) -> tuple[Kind, str]:
        return DEPLOYMENT, object_name(model, version)

    def not_ready(self, found: Manifest) -> str:
        return deployment_not_ready(found)

    def service(self, model: str, version: TargetVersion) -> str:
        return object_name(model, version)

    def pod_labels(self, model: str, version: TargetVersion) -> dict[str, str]:
        return {"app.kubernetes.io/name": "lifecycle-version", "app.kubernetes.io/instance": object_name(model, version)}


class InferenceServices:
    """One InferenceService for each version, in KServe's Standard mode: plain Deployments, and no route of KServe's own outside."""

    port = 80

    def __init__(self, template: PodTemplate) -> None:
        self.template = template

    def objects(self, model: str, version: TargetVersion) -> tuple[tuple[Kind, Manifest], ...]:
        header = _header(model, str(version.version), version.digest)
        header["annotations"]["serving.kserve.io/deploymentMode"] = "Standard"
        header["labels"]["networking.kserve.io/visibility"] = "cluster-local"
        replicas = self.template.replicas
        pod = _version_pod(self.template, model, version, container="kserve-container")
        manifest = _manifest(INFERENCE_SERVICE, object_name(model, version), header)
        return ((INFERENCE_SERVICE, {**manifest, "spec": {"predictor": {"minReplicas": replicas, "maxReplicas": replicas, **pod}}}),)

    def watched(self, model: str, version: TargetVersion) -> tuple[Kind, str]:
        return INFERENCE_SERVICE, object_name(model, version)

    def not_ready(self, found: Manifest) -> str:
        status = found.get("status") or {}
        if status.get("observedGeneration", 0) < found["metadata"].get("generation", 1):
            return "KServe has not taken in its InferenceService yet"
        ready = next((one for one in status.get("conditions") or [] if one["type"] == "Ready"), None)
        if ready is None:
            return "KServe says nothing of it yet"
        return "" if ready["status"] == "True" else f"KServe says: {ready.get('message') or ready.get('reason') or 'not ready'}"

    def service(self, model: str, version: TargetVersion) -> str:
        return f"{object_name(model, version)}-predictor"

    def pod_labels(self, model: str, version: TargetVersion) -> dict[str, str]:
        return {"serving.kserve.io/inferenceservice": object_name(model, version)}


def nobody(template: PodTemplate, model: str, *, refers: bool) -> tuple[tuple[Kind, Manifest], ...]:
    """What answers the share that no version may answer yet: a gateway of that model without a version, which refers to a person
    or refuses, and logs each."""
    name = nobodys_name(model)
    labels = {"app.kubernetes.io/name": "lifecycle-nobody", "app.kubernetes.io/instance": name}
    pod = _pod(template, [], ["lifecycle", "gateway", "run", "--nobody", model, *(["--refer"] if refers else [])])
    return _deployed(name, _header(model, "none", "none"), labels, 1, pod)


def nobodys_name(model: str) -> str:
    """The Service of what answers where no version may."""
    return f"{slug(model)}-nobody"


def deployment_not_ready(found: Manifest) -> str:
    """Why a Deployment is not ready; "" where it is."""
    status = found.get("status") or {}
    if status.get("observedGeneration", 0) < found["metadata"].get("generation", 1):
        return "the cluster has not taken in its Deployment yet"
    wanted, ready = found["spec"]["replicas"], status.get("readyReplicas", 0)
    return "" if ready >= wanted and status.get("updatedReplicas", 0) >= wanted else f"{ready} of its {wanted} pods are ready"


def _deployed(
    name: str, header: dict[str, Any], labels: dict[str, str], replicas: int, pod: dict[str, Any]
) -> tuple[tuple[Kind, Manifest], ...]:
    ports = [{"name": "http", "port": Deployments.port, "targetPort": "http", "protocol": "TCP"}]
    service = {**_manifest(SERVICE, name, header), "spec": {"selector": labels, "ports": ports}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    return ((SERVICE, service), (DEPLOYMENT, {**_manifest(DEPLOYMENT, name, header), "spec": spec}))


def _header(model: str, version: str, digest: str) -> dict[str, Any]:
    labels = {"app.kubernetes.io/part-of": "lifecycle", "lifecycle/model": slug(model), "lifecycle/version": version}
    return {"labels": labels, "annotations": {"lifecycle/digest": digest}}


def _manifest(kind: Kind, name: str, header: dict[str, Any]) -> Manifest:
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": name, **header}}


def _version_pod(template: PodTemplate, model: str, version: TargetVersion, container: str = "gateway") -> dict[str, Any]:
    name = object_name(model, version)
    package = f"/srv/package/{name}"
    mount = {"name": "home", "mountPath": package, "subPath": f"{template.packages}/{name}", "readOnly": True}
    return _pod(template, [mount], ["lifecycle", "gateway", "run", "--only", package], container)


def _pod(template: PodTemplate, mounts: list[dict[str, Any]], args: list[str], container: str = "gateway") -> dict[str, Any]:
    serving = {
        "name": container,
        "image": template.image,
        "args": args,
        "env": [
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "LIFECYCLE_HOME", "value": template.home},
            {"name": "LIFECYCLE_GATEWAY_HOST", "value": "0.0.0.0"},  # a pod's own network
            {"name": "LIFECYCLE_GATEWAY_PORT", "value": str(PORT)},
        ],
        "envFrom": [{"configMapRef": {"name": template.settings}}, {"secretRef": {"name": template.secret}}],
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "readinessProbe": {"httpGet": {"path": "/v2/health/ready", "port": "http"}, "periodSeconds": 2},
        "livenessProbe": {"httpGet": {"path": "/v2/health/live", "port": "http"}, "periodSeconds": 5, "failureThreshold": 6},
        "resources": {"requests": {"cpu": template.cpu, "memory": template.memory}, "limits": {"memory": template.memory}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        # Of the volume a pod sees its own home and its own package: the keys that sign lie there as well.
        "volumeMounts": [
            {"name": "home", "mountPath": template.home, "subPathExpr": f"{PODS}/$(POD_NAME)"},
            *mounts,
            {"name": "trust", "mountPath": f"{template.home}/keys", "readOnly": True},
        ],
    }
    return {
        "automountServiceAccountToken": False,
        # The variables of a Service called lifecycle-… would be taken for settings.
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 30,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "fsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [serving],
        "volumes": [
            {"name": "home", "persistentVolumeClaim": {"claimName": template.claim}},
            {"name": "trust", "configMap": {"name": template.trust}},
        ],
    }
