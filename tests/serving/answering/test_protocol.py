"""Requests: what is taken, and what is refused with the field that is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.serving.answering.protocol import parse_infer
from lifecycle.serving.failures import RequestRefused

MOST_ROWS = 4


def tensor(**changed: Any) -> dict[str, Any]:
    return {"name": "income", "shape": [1], "datatype": "FP64", "data": [1.5]} | changed


def body(*tensors: Any, **more: Any) -> bytes:
    return json.dumps({"inputs": list(tensors), **more}).encode()


def test_columns_come_in_by_name_with_missing_values() -> None:
    """Flat and nested columns, text and numbers, and null for what is missing."""
    request = parse_infer(
        body(
            tensor(shape=[2], data=[1.5, None]),
            tensor(name="home", shape=[2, 1], datatype="BYTES", data=[["rent"], [None]]),
            tensor(name="age", shape=[2], datatype="INT64", data=[3, 4]),
            id="r-1",
        ),
        MOST_ROWS,
    )
    assert request.columns == {"income": [1.5, None], "home": ["rent", None], "age": [3, 4]}
    assert (request.id, request.rows, request.routing_key) == ("r-1", 2, "r-1")


def test_a_request_may_say_whom_it_is_about() -> None:
    """The subject is no routing key: it is kept with what was asked."""
    request = parse_infer(body(tensor(), id="a", parameters={"subject": "customer-4711"}), MOST_ROWS)
    assert (request.subject, request.routing_key) == ("customer-4711", "a")
    assert parse_infer(body(tensor()), MOST_ROWS).subject == ""


def test_a_routing_key_comes_before_the_id() -> None:
    """The caller's routing key decides the arm; without one the id does."""
    assert parse_infer(body(tensor(), id="a", parameters={"routing_key": "customer"}), MOST_ROWS).routing_key == "customer"


@pytest.mark.parametrize(
    ("content", "field"),
    [
        pytest.param(b"{", "", id="not JSON"),
        pytest.param(b"[]", "", id="not an object"),
        pytest.param(b"\xff", "", id="not UTF-8"),
        pytest.param(b"[" * 100_000, "", id="nested without end"),
        pytest.param(b"{}", "inputs", id="no inputs"),
        pytest.param(body(), "inputs", id="no tensors"),
        pytest.param(body("income"), "inputs[0]", id="a tensor that is none"),
        pytest.param(body(tensor(), tensor()), "income", id="twice the same"),
        pytest.param(body(tensor(shape=[2])), "income", id="another shape"),
        pytest.param(body(tensor(shape=[1, 2], data=[[1.0, 2.0]])), "income", id="two values in a row"),
        pytest.param(body(tensor(shape=[0], data=[])), "inputs", id="no rows"),
        pytest.param(body(tensor(shape=[5], data=[1.0] * 5)), "inputs", id="too many rows"),
        pytest.param(body(tensor(), tensor(name="age", shape=[2], data=[1.0, 2.0])), "age", id="columns of two lengths"),
        pytest.param(body(tensor(datatype="FP128")), "income", id="no such datatype"),
        pytest.param(body(tensor(data=["1.5"])), "income", id="a number as text"),
        pytest.param(body(tensor(data=[True])), "income", id="a number as truth"),
        pytest.param(body(tensor(datatype="INT64", data=[1.0])), "income", id="an integer with a point"),
        pytest.param(body(tensor(datatype="INT8", data=[128])), "income", id="more than a byte"),
        pytest.param(body(tensor(datatype="UINT8", data=[-1])), "income", id="less than nothing"),
        pytest.param(body(tensor(datatype="UINT64", data=[-1])), "income", id="less than nothing, wide"),
        pytest.param(body(tensor(datatype="INT32", data=[2**31])), "income", id="more than four bytes"),
        pytest.param(body(tensor(datatype="FP16", data=[65_505.0])), "income", id="more than half precision"),
        pytest.param(body(tensor(datatype="FP32", data=[1e39])), "income", id="more than single precision"),
        pytest.param(body(tensor(datatype="BYTES", data=[1])), "income", id="text as a number"),
        pytest.param(body(tensor(data={"0": 1.5})), "income", id="data that is no list"),
        pytest.param(b'{"inputs":[{"name":"income","shape":[1],"datatype":"FP64","data":[NaN]}]}', "", id="NaN"),
        pytest.param(b'{"inputs":[{"name":"income","shape":[1],"datatype":"FP64","data":[1e400]}]}', "", id="more than a double"),
        pytest.param(body(tensor(data=[2**53])), "income", id="an integer that no double holds"),
        pytest.param(body(tensor(datatype="INT64", data=[-(2**53)])), "income", id="a negative one"),
        pytest.param(body(tensor(datatype="BYTES", data=["\ud800"])), "", id="half a character"),
        pytest.param(body(tensor(), id="\udc00"), "", id="half a character in the id"),
        pytest.param(body(tensor(), id=7), "id", id="an id that is no text"),
        pytest.param(body(tensor(), parameters={"routing_key": 7}), "parameters", id="a routing key that is no text"),
        pytest.param(body(tensor(), parameters={"subject": 7}), "parameters", id="a subject that is no text"),
        pytest.param(body(tensor(), parameters={"subject": "x" * 257}), "parameters", id="a subject that is too long"),
        pytest.param(body(tensor(), outputs=[{"name": "reason"}]), "outputs", id="no such output"),
    ],
)
def test_what_is_wrong_is_named(content: bytes, field: str) -> None:
    """Each mistake is refused with a status of the caller's, and with its field."""
    with pytest.raises(RequestRefused) as refused:
        parse_infer(content, MOST_ROWS)
    assert refused.value.field == field
    assert 400 <= refused.value.status < 500


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["inputs", "name", "shape", "datatype", "data", "id"]), inner)
    ),
    max_leaves=20,
)


@given(
    value=JSON
    | st.fixed_dictionaries(
        {"inputs": st.lists(JSON | st.fixed_dictionaries({"name": JSON, "shape": JSON, "datatype": JSON, "data": JSON}))}
    )
)
def test_whatever_comes_in_is_taken_or_refused(value: Any) -> None:
    """No JSON value breaks the parser in any other way than by being refused."""
    try:
        request = parse_infer(json.dumps(value).encode(), MOST_ROWS)
    except RequestRefused:
        return
    assert 1 <= request.rows <= MOST_ROWS


@given(content=st.binary(max_size=200))
def test_whatever_bytes_come_in_are_refused_or_taken(content: bytes) -> None:
    """Neither does any byte string."""
    try:
        parse_infer(content, MOST_ROWS)
    except RequestRefused:
        return
