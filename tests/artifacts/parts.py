"""Small real parts of a package: everything parses, the graph runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper
from safetensors.numpy import save

from lifecycle.artifacts.store import ArtifactStore
from lifecycle.features.preprocessor import Preprocessor
from lifecycle.records.manifest import ModelSchemas, Part, TrainingRecipe
from lifecycle.records.record import Digest

DATASET = "sha256:" + "d" * 64


def small_parts() -> dict[Part, bytes]:
    preprocessor = Preprocessor.fit({"income": [1.0, 2.0, 4.0]}, ["income"], [])
    recipe = TrainingRecipe(
        function="assets.credit.network:train",
        options={},
        seed=7,
        deterministic=True,
        device="cpu",
        precision="float32",
        epochs=1,
        dataset_digest=DATASET,
        code_commit="unknown",
        packages={},
    )
    return {
        "weights": save({"weight": np.array([2.0], dtype=np.float32)}),
        "graph": doubling_model().SerializeToString(),
        "preprocessor": preprocessor.canonical(),
        "schemas": ModelSchemas(inputs=preprocessor.inputs, positive="good", negative="bad", threshold=0.5).canonical(),
        "training": recipe.canonical(),
    }


def doubling_model() -> ModelProto:
    """probability = features + features."""
    return model_of(graph_of([helper.make_node("Add", ["features", "features"], ["probability"])]))


def graph_of(nodes: list[NodeProto], initializers: list[TensorProto] | None = None) -> GraphProto:
    shape: list[str | int | None] = ["batch", 1]
    return helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, shape)],
        initializer=initializers or [],
    )


def model_of(graph: GraphProto, *domains: str) -> ModelProto:
    return helper.make_model(graph, opset_imports=[helper.make_opsetid(domain, 20) for domain in ("", *domains)])


def stored_file(store: ArtifactStore, digest: Digest) -> Path:
    """Where a store in a folder keeps these bytes; writable, as an attacker with access would make it."""
    path = store.fetch(digest)
    path.chmod(0o644)
    return path
