"""What each part must be, and what is refused by name."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper

from lifecycle.artifacts.formats import check_part
from lifecycle.errors import LifecycleError, MalformedRecord, Refused
from lifecycle.records.manifest import FILE_NAMES, Part
from tests.artifacts.parts import doubling_model, graph_of, model_of


def test_real_parts_pass(parts: dict[Part, bytes]) -> None:
    """What training exports is let through."""
    for part, content in parts.items():
        check_part(part, content)


@pytest.mark.parametrize("part", get_args(Part))
@pytest.mark.parametrize("content", [b"", b"{", b"nonsense", b"\x00" * 64], ids=["empty", "half", "text", "zeros"])
def test_garbage_is_named_by_its_file(part: Part, content: bytes) -> None:
    """Content of no format at all is malformed, and the error says which file it was to be."""
    with pytest.raises(MalformedRecord) as caught:
        check_part(part, content)
    assert FILE_NAMES[part] in caught.value.what or "JSON" in caught.value.what


@given(part=st.sampled_from(get_args(Part)), content=st.binary(max_size=256))
def test_no_bytes_raise_a_vendors_error(part: Part, content: bytes) -> None:
    """Whatever the bytes, the answer is yes or an error of ours."""
    try:
        check_part(part, content)
    except LifecycleError:
        pass


@pytest.mark.parametrize("cut", [1, 9, 40])
def test_a_truncated_graph_does_not_pass(cut: int) -> None:
    """A graph that lost its end is not taken for a smaller one."""
    with pytest.raises(MalformedRecord):
        check_part("graph", doubling_model().SerializeToString()[:-cut])


def test_weights_with_bytes_that_no_tensor_claims_do_not_pass(parts: dict[Part, bytes]) -> None:
    """Nothing can be hidden behind the tensors."""
    with pytest.raises(MalformedRecord):
        check_part("weights", parts["weights"] + b"hidden")


def external_initializer() -> ModelProto:
    weight = TensorProto(name="weight", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    weight.external_data.add(key="location", value="../../etc/passwd")
    return model_of(graph_of([helper.make_node("Mul", ["features", "weight"], ["probability"])], [weight]))


def external_constant_in_a_branch() -> ModelProto:
    hidden = TensorProto(name="hidden", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    hidden.external_data.add(key="location", value="weights.bin")
    output = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1])
    branch = helper.make_graph([helper.make_node("Constant", [], ["out"], value=hidden)], "branch", [], [output])
    return model_of(graph_of([helper.make_node("If", ["features"], ["probability"], then_branch=branch, else_branch=branch)]))


@pytest.mark.parametrize("build", [external_initializer, external_constant_in_a_branch])
def test_a_graph_that_reads_another_file_is_refused(build: object) -> None:
    """A tensor kept in another file is refused by its name, however deep in the graph it is."""
    assert callable(build)
    with pytest.raises(Refused, match=r"'(weight|hidden)' in another file"):
        check_part("graph", build().SerializeToString())


def foreign_operator() -> ModelProto:
    return model_of(graph_of([helper.make_node("Shell", ["features"], ["probability"], domain="com.attacker")]), "com.attacker")


def foreign_operator_in_a_function() -> ModelProto:
    model = doubling_model()
    inner = helper.make_node("Shell", ["x"], ["y"], domain="com.attacker")
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.attacker", 1)]
    model.functions.append(helper.make_function("local", "F", ["x"], ["y"], [inner], opsets))
    return model


@pytest.mark.parametrize("build", [foreign_operator, foreign_operator_in_a_function])
def test_a_graph_with_operators_from_elsewhere_is_refused(build: object) -> None:
    """An operator that is not ONNX's own would need code that no digest covers."""
    assert callable(build)
    with pytest.raises(Refused, match=r"com\.attacker"):
        check_part("graph", build().SerializeToString())
