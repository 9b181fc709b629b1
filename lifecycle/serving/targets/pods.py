"""What a controller has of its cluster: a place for each model, and the pods with the homes that they keep on the shared volume."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from lifecycle.errors import Unavailable
from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.homes import pod_folders
from lifecycle.serving.prediction_log.segments import ModelLog
from lifecycle.serving.targets.contract import Pace, Target


@dataclass(frozen=True)
class Pods:
    """The pods of a cluster. What they keep lies in `homes`, each in a folder of its own name, and outlives them."""

    homes: Path
    #: The names of those that there are. Raises Unavailable where the cluster does not answer.
    named: Callable[[], frozenset[str]]

    def gone(self) -> dict[str, GatewayFolder]:
        """What pods keep that the cluster does not have any more. Raises Unavailable, and Tampered like `pod_folders`."""
        # Their homes first: a pod that comes meanwhile is not taken for one that is gone.
        kept = pod_folders(self.homes)
        there = self.named() if kept else frozenset[str]()
        return {name: folder for name, folder in kept.items() if name not in there}

    def logs(self, model: str, of: Collection[str]) -> Iterator[ModelLog]:
        """The prediction logs of a model that pods keep, or have left, whose names begin in one of these ways."""
        for folder in pod_folders(self.homes, tuple(of)).values():
            yield ModelLog(folder.predictions / model)

    def require_seen(self, names: Collection[str]) -> None:
        """Raises Unavailable where a pod of these names keeps a home that is not to be seen here."""
        hidden = sorted(name for name in names if not (self.homes / name).is_dir())
        if hidden:
            raise Unavailable(
                f"What the pod {hidden[0]} logs is not to be seen in {self.homes}.",
                "Run the controller where the volume of the pods is mounted (deployments/kubernetes/controller.yaml).",
            )


@dataclass(frozen=True)
class Cluster:
    """Where a controller has versions serve."""

    #: Where pods find the packages of versions.
    packages: Path
    #: A model's place there.
    target_of: Callable[[str], Target]
    pods: Pods
    pace: Pace
