"""From a trained network to the five parts of a manifest, as bytes that are the same each time.

Exported before anything is signed or judged: what is evaluated, approved and served is the graph made here.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from lifecycle.errors import InvalidDeclaration
from lifecycle.records.bodies.training import Metering
from lifecycle.records.manifest import ModelSchemas, Part, TrainingRecipe
from lifecycle.training.function import TrainedNetwork
from lifecycle.training.request import TrainingRequest

if TYPE_CHECKING:
    import torch

#: The packages whose versions decide what training gives.
PACKAGES = ("numpy", "onnx", "onnxscript", "pandas", "safetensors", "scikit-learn", "torch")
#: Names of the graph's one input, float32 [batch, width], and its one output, float32 [batch].
GRAPH_INPUT, GRAPH_OUTPUT = "features", "probability"
OPSET = 20


def export_parts(trained: TrainedNetwork, request: TrainingRequest, metering: Metering) -> dict[Part, bytes]:
    """The parts. Raises InvalidDeclaration where the network has no ONNX graph."""
    from safetensors.torch import save

    module = copy.deepcopy(trained.module).cpu().float().eval()
    weights = {name: tensor.detach().contiguous().clone() for name, tensor in module.state_dict().items()}
    # The bounds come from the declaration here, so that no training function can leave them out.
    preprocessor = trained.preprocessor.within(request.bounds)
    schemas = ModelSchemas(
        inputs=preprocessor.inputs, positive=request.spec.positive, negative=request.spec.negative, threshold=trained.threshold
    )
    recipe = TrainingRecipe(
        function=request.function,
        options=request.options,
        seed=request.seed,
        deterministic=request.deterministic,
        device=request.device,
        precision=metering.precision,
        epochs=request.epochs,
        dataset_digest=request.dataset_digest,
        code_commit=request.code_commit,
        packages={name: version(name) for name in PACKAGES},
    )
    return {
        "weights": save(weights),
        "graph": onnx_graph(module, preprocessor.width, request.function),
        "preprocessor": preprocessor.canonical(),
        "schemas": schemas.canonical(),
        "training": recipe.canonical(),
    }


def onnx_graph(module: torch.nn.Module, width: int, function: str) -> bytes:
    """The ONNX graph of a network of logits, with the sigmoid in it. Raises InvalidDeclaration where there is none."""
    import torch

    probabilities = _with_sigmoid(module)
    try:
        with _quiet_exporter():
            program = torch.onnx.export(
                probabilities,
                (torch.zeros(2, width),),
                dynamo=True,
                input_names=[GRAPH_INPUT],
                output_names=[GRAPH_OUTPUT],
                dynamic_shapes={"features": {0: torch.export.Dim("batch")}},
                opset_version=OPSET,
                verbose=False,
            )
    except (torch.onnx.OnnxExporterError, RuntimeError) as error:
        raise InvalidDeclaration(
            f"The network of {function} has no ONNX graph: {str(error).splitlines()[0]}",
            "It must take features [batch, width] and give one logit per row, by operations that ONNX has.",
        ) from error
    if program is None:
        raise InvalidDeclaration(f"The network of {function} has no ONNX graph.", "Return a torch.nn.Module that torch.export can follow.")
    return _without_traces(program.model_proto)


def _with_sigmoid(module: torch.nn.Module) -> torch.nn.Module:
    import torch

    class Probability(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = module

        def forward(self, features: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.network(features)
            return torch.sigmoid(logits.reshape(features.shape[0]))

    return Probability().eval()


def _without_traces(model: Any) -> bytes:
    """The graph's bytes without the exporter's notes: they hold paths of this machine, and would change the digest."""
    model.ClearField("metadata_props")
    model.ClearField("doc_string")
    graph = model.graph
    graph.ClearField("metadata_props")
    graph.ClearField("value_info")
    graph.name = "network"
    for part in (*graph.node, *graph.input, *graph.output, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    content: bytes = model.SerializeToString(deterministic=True)
    return content


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """The exporter warns of every optional package that it does not find."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
