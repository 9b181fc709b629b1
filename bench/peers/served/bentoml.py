"""The network on BentoML: a service with one method, started by `bentoml serve`."""

from __future__ import annotations

import bentoml

from bench.peers.served.becoming import asked, become
from bench.peers.served.network import Network


@bentoml.service
class NetworkService:
    """Rows of features in, a probability a row out."""

    def __init__(self) -> None:
        self._network = Network.named()

    @bentoml.api
    def predict(self, rows: list[list[float]]) -> list[float]:
        return self._network.probabilities(rows)


def main() -> None:
    _, port, _ = asked()
    become("bentoml", "serve", "bench.peers.served.bentoml:NetworkService", "--host", "127.0.0.1", "--port", str(port))


if __name__ == "__main__":
    main()
