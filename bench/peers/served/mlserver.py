"""The network on MLServer: a runtime of our own behind the Open Inference Protocol, started by `mlserver start`."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import mlserver
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput

from bench.peers.served.becoming import asked, become
from bench.peers.served.network import Network


class NetworkRuntime(mlserver.MLModel):
    """The tensor `features` in, the tensor `probability` out."""

    async def load(self) -> bool:
        self._network = Network.named()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        features = NumpyCodec.decode_input(payload.inputs[0])
        found = self._network.probabilities(features)
        output = ResponseOutput(name="probability", shape=[len(found)], datatype="FP32", data=found)
        return InferenceResponse(id=payload.id, model_name=self.name, outputs=[output])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    _, port, others = asked()
    settings = {"host": "127.0.0.1", "http_port": port, "grpc_port": _free_port(), "metrics_port": _free_port(), **others}
    Path("settings.json").write_text(json.dumps(settings), encoding="utf-8")
    model = {"name": "network", "implementation": "bench.peers.served.mlserver.NetworkRuntime"}
    Path("model-settings.json").write_text(json.dumps(model), encoding="utf-8")
    become("mlserver", "start", ".")


if __name__ == "__main__":
    main()
