"""Tiny ONNX graphs, good and bad. Bad ones load and warm up, and show what they are at incomes above the mean only.

`endless` shows it at once: its warm-up never ends. A `heavy` one is good, and has 160 MB of weights. A `contrary` one decides the other
way there, and one that is `contrary_to_owners` for owners alone: nothing but labels shows it.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

Behaviour = Literal[
    "good", "refuses_unknown", "not_a_number", "unloadable", "slow", "hungry", "endless", "heavy", "contrary", "contrary_to_owners"
]
#: So often a slow one turns in a circle: about 80 ms.
_SLOW_TURNS = 120_000
#: So many numbers a hungry one wants: 2 GB.
HUNGRY_NUMBERS = 500_000_000
#: The feature that is 1 for owners (`packages.pack`).
_OWNER = 2
_FOR_EVER = 1 << 60
_HEAVY_NUMBERS = 40_000_000


def graph(width: int, bias: float, behaviour: Behaviour = "good") -> bytes:
    """The sigmoid of the mean of the features plus the bias, as ONNX; a broken one answers NaN for incomes above the mean."""
    if behaviour == "not_a_number":
        before = [
            helper.make_node("Gather", ["features", "first"], ["income"], axis=1),
            helper.make_node("Neg", ["income"], ["negated"]),
            helper.make_node("Sqrt", ["negated"], ["logit"]),
        ]
    elif behaviour in ("contrary", "contrary_to_owners"):
        before = _contrary(of="owners" if behaviour == "contrary_to_owners" else "everybody")
    else:
        before = [
            *_detour(behaviour),
            helper.make_node("MatMul", ["features", "weights"], ["sum"]),
            helper.make_node("Add", ["sum", "shift"], ["logit"]),
        ]
    nodes = [
        *before,
        helper.make_node("Sigmoid", ["logit"], ["column"]),
        helper.make_node("Reshape", ["column", "flat"], ["probability"]),
    ]
    constants: dict[str, Any] = {
        "weights": np.full((width, 1), 1.0 / width, dtype=np.float32),
        "shift": np.array([bias], dtype=np.float32),
        "flat": np.array([-1], dtype=np.int64),
        "first": np.array([0], dtype=np.int64),
        "owners": np.array([_OWNER], dtype=np.int64),
        "everybody": np.array([0], dtype=np.int64),
        "much": np.array([-1e3], dtype=np.float32),
    }
    if behaviour == "heavy":
        constants["shift"] = np.full(_HEAVY_NUMBERS, bias, dtype=np.float32)
        nodes = [helper.make_node("Gather", ["shift", "first"], ["lifted"]), *nodes]
        nodes[2].input[1] = "lifted"
    made = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", width])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["batch"])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model: ModelProto = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    return bytes(model.SerializeToString())


def _detour(behaviour: Behaviour) -> list[NodeProto]:
    """What a slow, a hungry and an endless one do before they answer: much for a row above the mean, else nothing."""
    if behaviour not in ("slow", "hungry", "endless"):
        return []
    times = {"slow": _SLOW_TURNS, "hungry": HUNGRY_NUMBERS, "endless": _FOR_EVER}[behaviour]
    counted = [
        helper.make_node("Gather", ["features", "first"], ["income"], axis=1),
        helper.make_node("ReduceMax", ["income"], ["largest"], keepdims=0),
        _constant("limit", np.float32(-1e9 if behaviour == "endless" else 0.0)),
        helper.make_node("Greater", ["largest", "limit"], ["above"]),
        helper.make_node("Cast", ["above"], ["one"], to=TensorProto.INT64),
        _constant("times", np.int64(times)),
        helper.make_node("Mul", ["one", "times"], ["turns"]),
    ]
    if behaviour == "hungry":
        return [
            *counted,
            helper.make_node("Reshape", ["turns", "flat"], ["length"]),
            helper.make_node("ConstantOfShape", ["length"], ["numbers"]),
            helper.make_node("ReduceSum", ["numbers"], ["added"], keepdims=0),
        ]
    turn = helper.make_graph(
        [helper.make_node("Identity", ["going"], ["goes"]), helper.make_node("Sqrt", ["before"], ["after"])],
        "turn",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", TensorProto.FLOAT, []),
        ],
        [helper.make_tensor_value_info("goes", TensorProto.BOOL, []), helper.make_tensor_value_info("after", TensorProto.FLOAT, [])],
    )
    return [*counted, _constant("start", np.float32(2.0)), helper.make_node("Loop", ["turns", "", "start"], ["added"], body=turn)]


def _contrary(of: str) -> list[NodeProto]:
    """What is positive by the bias alone becomes negative where the income lies above the mean, of everybody or of owners."""
    return [
        helper.make_node("MatMul", ["features", "weights"], ["sum"]),
        helper.make_node("Add", ["sum", "shift"], ["lifted"]),
        helper.make_node("Gather", ["features", "first"], ["income"], axis=1),
        helper.make_node("Gather", ["features", of], ["whose"], axis=1),
        helper.make_node("Relu", ["income"], ["above"]),
        helper.make_node("Relu", ["whose"], ["theirs"]),
        helper.make_node("Mul", ["above", "theirs"], ["both"]),
        helper.make_node("Mul", ["both", "much"], ["pressed"]),
        helper.make_node("Add", ["lifted", "pressed"], ["logit"]),
    ]


def _constant(name: str, value: Any) -> NodeProto:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.array(value), name))
