"""The network itself: the ONNX graph that the gateway serves, in the session that the gateway gives it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime

#: Where the programs leave the graph's place for the classes that the peers make by themselves.
GRAPH = "BENCH_PEERS_GRAPH"


class Network:
    """Features [rows, width] to one probability a row."""

    def __init__(self, graph: Path) -> None:
        # One thread, as in the gateway: more make a network of this size slower, not faster.
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    @classmethod
    def named(cls) -> Network:
        """The one that the program was started with."""
        return cls(Path(os.environ[GRAPH]))

    def probabilities(self, rows: Sequence[Sequence[float]]) -> list[float]:
        (found,) = self._session.run(None, {self._input: np.asarray(rows, np.float32)})
        return [float(value) for value in found]
