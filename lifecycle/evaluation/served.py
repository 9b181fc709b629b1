"""A model as it will serve: its preprocessor and its ONNX graph from the manifest's bytes, run as the gateway runs them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lifecycle.errors import MalformedRecord
from lifecycle.evaluation.ports import Probabilities
from lifecycle.features import Columns, Preprocessor
from lifecycle.features.encoding import Features
from lifecycle.records.manifest import ModelSchemas, Part

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


class ServedModel:
    """The parts of one manifest, loaded."""

    def __init__(self, parts: Mapping[Part, bytes]) -> None:
        self.preprocessor = Preprocessor.parse(parts["preprocessor"])
        self.schemas = ModelSchemas.parse(parts["schemas"])
        self._session = _session(parts["graph"])

    @property
    def threshold(self) -> float:
        return self.schemas.threshold

    def features(self, rows: Columns) -> Features:
        """Raises FeatureRefused where these rows hold what the model can't take."""
        return self.preprocessor.apply(rows)

    def probabilities(self, features: Features) -> Probabilities:
        """The probability of the positive outcome per row, as doubles. Raises MalformedRecord for a graph that gives none."""
        try:
            found: Any = self._session.run(["probability"], {"features": features})[0]
        except _refusals() as error:
            raise MalformedRecord(
                f"The graph does not take these features: {_first_line(error)}", "Export it together with its preprocessor."
            ) from error
        probabilities: Probabilities = np.asarray(found, dtype=np.float64)
        if probabilities.shape != (len(features),) or not ((probabilities >= 0.0) & (probabilities <= 1.0)).all():
            raise MalformedRecord(
                f"The graph gave {probabilities.shape} for {len(features)} rows, or values that are not probabilities.",
                "Its output `probability` must be one number between 0 and 1 per row.",
            )
        return probabilities


def _session(graph: bytes) -> InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # One thread, as in the gateway: the order of its sums is then the same.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except _refusals() as error:
        raise MalformedRecord(f"The graph can't be loaded: {_first_line(error)}", "Export the model again.") from error


def _refusals() -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises for a graph or features that it can't take; its exceptions have no root of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    return (
        *(state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NotImplemented, state.RuntimeException),
        ValueError,  # an input or an output of another name
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
