"""The network on LitServe: an API with its four methods."""

from __future__ import annotations

import litserve

from bench.peers.served.becoming import asked
from bench.peers.served.network import Network


class NetworkAPI(litserve.LitAPI):
    """One row of features in, its probability out. LitServe takes annotations for schemas, so the ends of the way have none."""

    def setup(self, device: str) -> None:
        self._network = Network.named()

    def decode_request(self, request):  # type: ignore[no-untyped-def]  # see above
        return request["features"]

    def predict(self, features: list[float]) -> float:
        return self._network.probabilities([features])[0]

    def encode_response(self, probability):  # type: ignore[no-untyped-def]  # see above
        return {"probability": probability}


def main() -> None:
    _, port, _ = asked()
    litserve.LitServer(NetworkAPI()).run(host="127.0.0.1", port=port, generate_client_file=False)


if __name__ == "__main__":
    main()
