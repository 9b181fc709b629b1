"""The binary tensor extension: bytes are the values that they stand for, or are refused by name."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.serving.answering.binary_tensors import encoded, fill_in, split, wanted
from lifecycle.serving.answering.protocol import infer_request
from lifecycle.serving.failures import RequestRefused


def tensor(size: Any, **changed: Any) -> dict[str, Any]:
    return {"name": "income", "shape": [1], "datatype": "FP64", "parameters": {"binary_data_size": size}} | changed


def filled(rest: bytes, *tensors: Any) -> list[Any]:
    asked = {"inputs": list(tensors)}
    fill_in(asked, rest)
    return [one["data"] for one in asked["inputs"]]


@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=5), texts=st.lists(st.text(max_size=5), max_size=5))
def test_bytes_are_the_values_that_they_stand_for(values: list[float], texts: list[str]) -> None:
    """Numbers to the bit and texts to the character, one tensor after the other."""
    numbers = struct.pack(f"<{len(values)}d", *values)
    words = b"".join(struct.pack("<I", len(text.encode())) + text.encode() for text in texts)
    found = filled(numbers + words, tensor(len(numbers)), tensor(len(words), name="home", datatype="BYTES"))
    assert found == [values, texts]


@pytest.mark.parametrize(
    ("rest", "changed", "said"),
    [
        (b"\0" * 8, {"data": [1.0]}, "twice"),
        (b"\0" * 7, {}, "announces 8 bytes, and 7"),
        (b"\0" * 9, {}, "belong to no input"),
        (b"\0" * 8, {"parameters": {"binary_data_size": "8"}}, "number of bytes"),
        (b"\0" * 8, {"parameters": {"binary_data_size": True}}, "number of bytes"),
        (b"", {"parameters": {"binary_data_size": -1}}, "number of bytes"),
        (b"\0" * 8, {"datatype": "BOOL"}, "datatype"),
        (b"\0" * 8, {"datatype": None}, "datatype"),
        (b"\0" * 7, {"parameters": {"binary_data_size": 7}}, "a value of FP64 has 8"),
        (struct.pack("<d", float("inf")), {}, "not finite"),
        (struct.pack("<d", float("nan")), {}, "not finite"),
        (struct.pack("<I", 9) + b"rent", {"datatype": "BYTES"}, "before its length"),
        (struct.pack("<I", 4) + b"\xff\xff\xff\xff", {"datatype": "BYTES"}, "not UTF-8"),
        (b"\xff" * 8, {"datatype": "BYTES"}, "before its length"),
        (b"\0" * 3 + struct.pack("<I", 1) + b"\0", {"datatype": "BYTES"}, "before its length"),
    ],
)
def test_bytes_that_are_not_the_values_announced_are_refused(rest: bytes, changed: dict[str, Any], said: str) -> None:
    """Too many, too few, of another width, no number, no text, or there twice."""
    with pytest.raises(RequestRefused, match=said):
        filled(rest, tensor(8, **changed))


@pytest.mark.parametrize("length", [b"", b"-1", b"12", b"1e1", b"\xb2", b"0000000009999999999"])
def test_a_length_that_is_not_in_the_body_is_refused(length: bytes) -> None:
    """The header of a request names a place in its body."""
    with pytest.raises(RequestRefused, match="Inference-Header-Content-Length"):
        split(b"{}", length)


def test_what_comes_as_bytes_is_checked_like_json() -> None:
    """An integer that the log could not commit to is refused, however it comes."""
    asked = {"inputs": [tensor(8, datatype="INT64")]}
    fill_in(asked, struct.pack("<q", 2**60))
    with pytest.raises(RequestRefused, match="not INT64"):
        infer_request(asked, 4)


@given(rest=st.binary(max_size=40), size=st.integers(0, 40), datatype=st.sampled_from(["FP16", "FP32", "FP64", "INT8", "UINT64", "BYTES"]))
def test_whatever_the_bytes_are_they_are_taken_or_refused(rest: bytes, size: int, datatype: str) -> None:
    """No bytes break anything."""
    try:
        (values,) = filled(rest, tensor(size, datatype=datatype))
    except RequestRefused:
        return
    assert all(type(value) in (int, float, str) for value in values)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, set()),
        ({"parameters": {"binary_data_output": True}}, {"probability", "decision"}),
        ({"parameters": {"binary_data_output": True}, "outputs": [{"name": "decision", "parameters": {"binary_data": False}}]}, set()),
        ({"outputs": [{"name": "decision", "parameters": {"binary_data": True}}, {"name": "probability"}]}, {"decision"}),
    ],
)
def test_a_caller_says_which_outputs_it_wants_as_bytes(asked: dict[str, Any], expected: set[str]) -> None:
    """For all of them, and for each of its own."""
    assert wanted(asked) == expected


def test_an_answer_says_where_its_bytes_begin_and_whose_they_are() -> None:
    """The JSON first, then the bytes of each output in order."""
    outputs: list[dict[str, Any]] = [
        {"name": "probability", "datatype": "FP32", "shape": [1], "data": [0.5]},
        {"name": "decision", "datatype": "BYTES", "shape": [1], "data": ["good"]},
    ]
    body, length = encoded({"outputs": outputs}, frozenset({"probability", "decision"}))
    said = json.loads(body[:length])["outputs"]
    assert [output["parameters"]["binary_data_size"] for output in said] == [4, 8]
    assert body[length:] == struct.pack("<f", 0.5) + struct.pack("<I", 4) + b"good"
