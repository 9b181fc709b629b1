"""The network on Ray Serve: one deployment behind its HTTP proxy."""

from __future__ import annotations

import signal
from pathlib import Path

import ray
from ray import serve
from starlette.requests import Request

from bench.peers.served.becoming import asked
from bench.peers.served.network import Network


@serve.deployment
class NetworkDeployment:
    """One row of features in, its probability out."""

    def __init__(self, graph: Path) -> None:
        self._network = Network(graph)

    async def __call__(self, request: Request) -> dict[str, float]:
        features = (await request.json())["features"]
        return {"probability": self._network.probabilities([features])[0]}


def main() -> None:
    graph, port, others = asked()
    # Never one that runs already on this machine.
    ray.init("local", include_dashboard=False, _node_ip_address="127.0.0.1")
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    network = NetworkDeployment.options(**others)  # type: ignore[attr-defined]  # the decorator makes a deployment of the class
    serve.run(network.bind(graph))
    try:
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
    finally:
        ray.shutdown()


if __name__ == "__main__":
    main()
