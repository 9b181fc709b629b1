"""The one HTTPRoute of a model: the weights, and the note of which rollout they belong to, in one object and one write.

The note is an annotation. Requests for `/v2/models/MODEL` go to the versions' Services by weight; what the route says besides
belongs to whoever wrote it, and stays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lifecycle.serving.targets.contract import Placed, Placement, TargetVersion
from lifecycle.serving.targets.kubernetes_api import HTTP_ROUTE, Manifest

NOTE = "lifecycle/placement"
#: Weights of a route are whole numbers; a share is so many of them.
WHOLE = 1_000


#: The Service of a version; of None, whatever answers where no version may.
ServiceOf = Callable[[TargetVersion | None], str]


def route_manifest(name: str, gateway: str, placement: Placement, service_of: ServiceOf, port: int) -> Manifest:
    """The route that puts a placement in force. `gateway` is the Gateway that it hangs on, as `namespace/name` or `name`."""
    space, _, parent = gateway.rpartition("/")
    return {
        "apiVersion": HTTP_ROUTE.api_version,
        "kind": HTTP_ROUTE.kind,
        "metadata": {
            "name": name,
            "labels": {"app.kubernetes.io/part-of": "lifecycle", "lifecycle/model": placement.model},
            "annotations": {NOTE: placement.canonical().decode()},
        },
        "spec": {
            "parentRefs": [{"name": parent, **({"namespace": space} if space else {})}],
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": f"/v2/models/{placement.model}"}}],
                    "backendRefs": backends(placement, service_of, port),
                }
            ],
        },
    }


def backends(placement: Placement, service_of: ServiceOf, port: int) -> list[dict[str, Any]]:
    """The versions' Services by weight. A version without a share is not named: a route to what is not there answers 500."""
    shares: list[tuple[TargetVersion | None, float]] = [*placement.shares.items()]
    if placement.unanswered:
        shares.append((None, placement.unanswered))
    return [{"name": service_of(version), "port": port, "weight": round(share * WHOLE)} for version, share in shares]


def placed_in(route: Manifest, model: str, service_of: ServiceOf, port: int) -> Placed:
    """What a route says. Raises MalformedRecord where its note is no placement."""
    metadata = route["metadata"]
    note = (metadata.get("annotations") or {}).get(NOTE)
    placement = Placement(model=model) if note is None else Placement.parse(note.encode())
    rules = route["spec"].get("rules") or [{}]
    weights = {(ref["name"], ref.get("port")): ref.get("weight", 1) for ref in rules[0].get("backendRefs") or []}
    meant = {(ref["name"], ref["port"]): ref["weight"] for ref in backends(placement, service_of, port)}
    return Placed(placement, str(metadata["resourceVersion"]), in_force=len(rules) == 1 and weights == meant)


def accepted(route: Manifest) -> bool:
    """Whether every gateway that the route hangs on says that it has taken in this generation of it, and resolved what it names."""
    parents = (route.get("status") or {}).get("parents") or []
    wanted = {"Accepted", "ResolvedRefs"}

    def holds(condition: dict[str, Any]) -> bool:
        current: bool = condition.get("observedGeneration") == route["metadata"].get("generation")
        return current and condition["status"] == "True"

    return bool(parents) and all(
        wanted <= {condition["type"] for condition in parent.get("conditions") or [] if holds(condition)} for parent in parents
    )
