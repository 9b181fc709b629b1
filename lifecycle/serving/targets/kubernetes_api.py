"""The plain Kubernetes API, as far as targets need it: objects in one namespace, and what pods say of themselves.

The vendor's client is imported with the first call; none of its exceptions leaves this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lifecycle.errors import Refused, Unavailable
from lifecycle.serving.targets.contract import Moved

Manifest = dict[str, Any]
#: Who says so, to the API server's bookkeeping of fields.
FIELD_MANAGER = "lifecycle"
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object, and where the API server keeps it."""

    api_version: str
    kind: str
    plural: str

    def path(self, namespace: str) -> str:
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        return f"{root}/namespaces/{namespace}/{self.plural}"


SERVICE = Kind("v1", "Service", "services")
POD = Kind("v1", "Pod", "pods")
DEPLOYMENT = Kind("apps/v1", "Deployment", "deployments")
LEASE = Kind("coordination.k8s.io/v1", "Lease", "leases")
HTTP_ROUTE = Kind("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes")
INFERENCE_SERVICE = Kind("serving.kserve.io/v1beta1", "InferenceService", "inferenceservices")


class KubernetesApi:
    """One namespace of one cluster. Every call raises Unavailable where the API server does not answer, and Refused where it says no."""

    def __init__(self, namespace: str, *, client: Any = None) -> None:
        """`client` is a `kubernetes.client.ApiClient`; without one, the pod's service account or else the user's kubeconfig is used."""
        self.namespace = namespace
        self._client = client

    def find(self, kind: Kind, name: str) -> Manifest | None:
        """An object as it is, or None where there is none."""
        found: Manifest | None = self._ask("GET", f"{kind.path(self.namespace)}/{name}", missing=True)
        return found

    def pods(self, labels: dict[str, str]) -> Sequence[Manifest]:
        """The pods with these labels; with none, all of them."""
        selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
        listed = self._ask("GET", POD.path(self.namespace), query=(("labelSelector", selector),) if selector else ()) or {}
        pods: list[Manifest] = listed.get("items", [])
        return pods

    def metrics(self, pod: str, port: int) -> str:
        """What a pod answers to `GET /metrics`, through the API server: nothing else has to reach its network."""
        told: bytes = self._ask("GET", f"{POD.path(self.namespace)}/{pod}:{port}/proxy/metrics", text=True)
        return told.decode("utf-8", "replace")

    def create(self, manifest: Manifest, kind: Kind) -> Manifest:
        """Makes an object. Raises Moved where there is one of that name."""
        return self._ask("POST", kind.path(self.namespace), body=manifest) or {}

    def apply(self, manifest: Manifest, kind: Kind) -> Manifest:
        """Has an object be as described, in the fields that are described (server-side apply)."""
        query = (("fieldManager", FIELD_MANAGER), ("force", "true"))
        return self._ask("PATCH", self._of(manifest, kind), query=query, body=manifest, content_type=_APPLY) or {}

    def merge(self, manifest: Manifest, kind: Kind, revision: str) -> Manifest:
        """Changes an object that is still at this resource version. Raises Moved where it is not, and where it is gone."""
        held = {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": revision}}
        query = (("fieldManager", FIELD_MANAGER),)
        return self._ask("PATCH", self._of(manifest, kind), query=query, body=held, content_type=_MERGE) or {}

    def delete(self, kind: Kind, name: str) -> None:
        """Has an object be gone, and what belongs to it. Done again, it does nothing more."""
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        self._ask("DELETE", f"{kind.path(self.namespace)}/{name}", body=options, missing=True)

    def _of(self, manifest: Manifest, kind: Kind) -> str:
        return f"{kind.path(self.namespace)}/{manifest['metadata']['name']}"

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: Manifest | None = None,
        content_type: str = "application/json",
        missing: bool = False,
        text: bool = False,
    ) -> Any:
        from kubernetes.client import rest
        from kubernetes.client.exceptions import ApiException

        headers = {"Accept": "text/plain" if text else "application/json", "Content-Type": content_type}
        try:
            said = self._connected().call_api(
                path,
                method,
                {},
                list(query),
                headers,
                body=body,
                response_types_map=dict.fromkeys((200, 201, 202), "object"),
                auth_settings=["BearerToken"],
                _return_http_data_only=True,
                # Its `str` is that of a bytes object: text is read as it came.
                _preload_content=not text,
                _request_timeout=_SECONDS,
            )
            # Its body comes only now, and may not come whole.
            return bytes(said.data) if text else said
        except ApiException as error:
            status = error.status or 0
            if status == 404 and missing:
                return None
            if status == 409 or (status == 404 and method == "PATCH" and content_type == _MERGE):
                raise Moved(f"{path} was changed by somebody else meanwhile.", "It is read again; nothing was written.") from error
            if status >= 500 or status in (0, 429):
                raise Unavailable(f"The cluster's API server can't answer for {path} ({status}).", "It is asked again.") from error
            raise Refused(
                f"The cluster refuses {method} {path}: {status} {error.reason}.",
                "Grant what deployments/kubernetes/targets.yaml lists, and install the resources that it names.",
                ("CLUSTER",),
            ) from error
        except (rest.urllib3.exceptions.HTTPError, OSError) as error:
            raise Unavailable(f"The cluster's API server does not answer: {error}.", "It is asked again.") from error

    def _connected(self) -> Any:
        if self._client is None:
            from kubernetes import client, config

            try:
                config.load_config()
            except config.ConfigException as error:
                raise Unavailable(f"No cluster is configured here: {error}.", "Set KUBECONFIG, or run this in a pod.") from error
            self._client = client.ApiClient()
        return self._client
