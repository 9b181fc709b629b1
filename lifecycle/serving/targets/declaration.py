"""The file that says on which cluster versions serve, and as what; `lifecycle gateway run --target FILE` reads it.

schema_version: lifecycle.target/1
kind: deployments              # or kserve: one InferenceService for each version
namespace: lifecycle
gateway: infra/public          # the Gateway that the models' routes hang on
image: registry.example/lifecycle:0.1.0
claim: lifecycle-home          # the volume that the controller and the versions' pods share
"""

from __future__ import annotations

import socket
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from lifecycle.errors import InvalidDeclaration, LifecycleError
from lifecycle.records.documents import parse_yaml
from lifecycle.records.record import Record
from lifecycle.serving.homes import PODS
from lifecycle.serving.targets.cluster import ClusterPace, ClusterTarget
from lifecycle.serving.targets.contract import Pace
from lifecycle.serving.targets.kubernetes_api import KubernetesApi
from lifecycle.serving.targets.pods import Cluster, Pods
from lifecycle.serving.targets.workloads import Deployments, InferenceServices, PodTemplate, Workload

#: RFC 1123, as the cluster takes names of its own.
ClusterName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
#: A quantity of CPU or memory, such as 500m, 2 or 2Gi.
Quantity = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")]


class DeclaredTarget(Record):
    """The form of the file."""

    schema_version: Literal["lifecycle.target/1"]
    kind: Literal["deployments", "kserve"]
    namespace: ClusterName
    #: `namespace/name`, or `name` where it is in the same namespace.
    gateway: Annotated[str, Field(pattern=r"^([a-z0-9-]{1,63}/)?[a-z0-9-]{1,63}$")]
    image: Annotated[str, Field(min_length=1, max_length=512)]
    claim: ClusterName
    #: The ConfigMap with ledger.pub and signing.pub: whose proofs and signatures the pods believe.
    trust: ClusterName = "lifecycle-trust"
    settings: ClusterName = "lifecycle-settings"
    secret: ClusterName = "lifecycle-secrets"
    #: Of each version, and what each of its pods asks of a node.
    replicas: Annotated[int, Field(ge=1, le=1_000)] = 2
    cpu: Quantity = "1"
    memory: Quantity = "2Gi"
    #: Where the admitted packages lie on the volume.
    packages: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9/-]{0,100}$")] = "targets/packages"
    #: A version that is not ready by then is not rolled out.
    ready_seconds: float = Field(default=300.0, gt=0.0, le=86_400.0)
    #: How long another controller waits for one that has died.
    lease_seconds: Annotated[int, Field(ge=3, le=3_600)] = 15
    pace: Pace = Field(default_factory=Pace)

    def workload(self) -> Workload:
        """What a version runs as."""
        template = PodTemplate(
            image=self.image,
            claim=self.claim,
            packages=self.packages,
            trust=self.trust,
            settings=self.settings,
            secret=self.secret,
            replicas=self.replicas,
            cpu=self.cpu,
            memory=self.memory,
        )
        return Deployments(template) if self.kind == "deployments" else InferenceServices(template)

    def cluster(self, home: Path, folder: Path, *, client: Any = None) -> Cluster:
        """The cluster, for the controller that keeps this folder in this home. `client`: see `KubernetesApi`."""
        api, workload = KubernetesApi(self.namespace, client=client), self.workload()
        pace = ClusterPace(ready_seconds=self.ready_seconds, lease_seconds=self.lease_seconds)
        # One that starts again on its folder is the same holder, and needs not wait for its own lease to end.
        holder = f"{socket.gethostname()}-{blake2b(str(folder.resolve()).encode(), digest_size=4).hexdigest()}"
        return Cluster(
            packages=home / self.packages,
            target_of=lambda model: ClusterTarget(api, workload, model, self.gateway, holder, pace),
            pods=Pods(home / PODS, lambda: frozenset(pod["metadata"]["name"] for pod in api.pods({}))),
            pace=self.pace,
        )


def declared_target(file: Path) -> DeclaredTarget:
    """What a file declares. Raises InvalidDeclaration that names the file and what is wrong with it."""
    try:
        return DeclaredTarget.of(parse_yaml(file.read_text(encoding="utf-8"), str(file)))
    except (OSError, UnicodeError) as error:
        raise InvalidDeclaration(f"{file} can't be read: {error}.", "Give yourself read access, or correct it.") from error
    except InvalidDeclaration:
        raise
    except LifecycleError as error:
        raise InvalidDeclaration(f"{file}: {error.what}", error.next_step) from error
