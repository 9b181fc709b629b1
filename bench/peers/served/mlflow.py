"""The network on MLflow: saved in its ONNX flavour, served by `mlflow models serve`."""

from __future__ import annotations

import mlflow.onnx
import numpy as np
import onnx
from mlflow.models import ModelSignature
from mlflow.types import Schema, TensorSpec

from bench.peers.served.becoming import asked, become


def main() -> None:
    graph, port, _ = asked()
    network = onnx.load(graph)
    width = network.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    signature = ModelSignature(Schema([TensorSpec(np.dtype(np.float32), (-1, width))]))
    # Named, so that MLflow does not start the model once more to see what it imports.
    mlflow.onnx.save_model(network, "network", signature=signature, pip_requirements=["onnxruntime"])
    become("mlflow", "models", "serve", "--model-uri", "network", "--env-manager", "local", "--host", "127.0.0.1", "--port", str(port))


if __name__ == "__main__":
    main()
