"""The binary tensor extension of the Open Inference Protocol: values as raw bytes after the JSON, in place of `data`.

A tensor says how many bytes are its own (`binary_data_size`), in the order in which tensors stand; the header says where the JSON
ends. Numbers are little-endian; each text has its length before it, in four bytes. What is taken out of bytes goes through the same
checks as what comes as JSON. Bytes have no null: a missing value has to be sent as JSON.
Source: https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

from __future__ import annotations

import struct
from math import isfinite
from typing import Any

from lifecycle.serving.answering.protocol import OUTPUTS, TEXT, as_bytes
from lifecycle.serving.failures import RequestRefused

#: The name of the extension, as a server's metadata tells it.
EXTENSION = "binary_tensor_data"
#: How many bytes of a body are JSON; on a request and on an answer.
JSON_LENGTH = b"inference-header-content-length"
OCTETS = b"application/octet-stream"

_FORMATS = {
    "FP16": "e",
    "FP32": "f",
    "FP64": "d",
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
}
_TEXT_LENGTH = struct.Struct("<I")


def split(body: bytes, json_length: bytes) -> tuple[bytes, bytes]:
    """The JSON of a body, and the bytes after it. Raises RequestRefused for a header that says no length in the body."""
    if not (json_length.isdigit() and len(json_length) < 10 and int(json_length) <= len(body)):
        raise RequestRefused("The header Inference-Header-Content-Length must say how many of the body's bytes are JSON.")
    length = int(json_length)
    return body[:length], body[length:]


def fill_in(asked: Any, rest: bytes) -> None:
    """Gives each tensor of a request that has bytes the `data` that they stand for; `rest` is what comes after the JSON.

    What has not the form of a request is left to whoever checks it. Raises RequestRefused for bytes that are not the values that
    their tensor announces, and where some are lacking or left.
    """
    place = 0
    inputs = asked.get("inputs") if isinstance(asked, dict) else None
    for tensor in inputs if isinstance(inputs, list) else ():
        size = _announced(tensor)
        if size is None:
            continue
        name = str(tensor.get("name"))
        if "data" in tensor:
            raise RequestRefused(f"The input {name!r} has its values twice, as JSON and as bytes.", name)
        if place + size > len(rest):
            raise RequestRefused(f"The input {name!r} announces {size} bytes, and {len(rest) - place} are there.", name)
        tensor["data"] = _values(name, tensor.get("datatype"), rest[place : place + size])
        place += size
    if place != len(rest):
        raise RequestRefused(f"{len(rest) - place} bytes after the JSON belong to no input.", "inputs")


def wanted(asked: Any) -> frozenset[str]:
    """The outputs that the caller of a checked request wants as bytes."""
    parameters, outputs = asked.get("parameters"), asked.get("outputs")
    if not parameters and not outputs:
        return frozenset()
    all_of_them = bool(parameters) and parameters.get("binary_data_output") is True
    found = set()
    for output in outputs or [{"name": name} for name in OUTPUTS]:
        own = output.get("parameters")
        if (own.get("binary_data", all_of_them) if isinstance(own, dict) else all_of_them) is True:
            found.add(str(output["name"]))
    return frozenset(found)


def encoded(answer: dict[str, Any], names: frozenset[str]) -> tuple[bytes, int]:
    """An answer with these outputs as bytes: its body, and how much of that is JSON."""
    after = []
    for output in answer["outputs"]:
        if output["name"] in names:
            raw = _bytes(output["datatype"], output.pop("data"))
            output["parameters"] = {"binary_data_size": len(raw)}
            after.append(raw)
    said = as_bytes(answer)
    return b"".join([said, *after]), len(said)


def _announced(tensor: Any) -> int | None:
    parameters = tensor.get("parameters") if isinstance(tensor, dict) else None
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is not None and (type(size) is not int or size < 0):
        raise RequestRefused(f"`binary_data_size` of the input {tensor.get('name')!r} must be a number of bytes.", str(tensor.get("name")))
    return size


def _values(name: str, datatype: Any, raw: bytes) -> list[Any]:
    if datatype == TEXT:
        return _texts(name, raw)
    kind = _FORMATS.get(datatype) if isinstance(datatype, str) else None
    if kind is None:
        raise RequestRefused(f"The input {name!r} has the datatype {datatype!r}; as bytes come {', '.join((TEXT, *_FORMATS))}.", name)
    width = struct.calcsize(f"<{kind}")
    if len(raw) % width:
        raise RequestRefused(f"The input {name!r} has {len(raw)} bytes, and a value of {datatype} has {width}.", name)
    values = list(struct.unpack(f"<{len(raw) // width}{kind}", raw))
    if not all(map(isfinite, values)):
        raise RequestRefused(f"The input {name!r} holds a number that is not finite; send it as JSON, with null for a missing one.", name)
    return values


def _texts(name: str, raw: bytes) -> list[str]:
    found, place = [], 0
    while place < len(raw):
        end = place + _TEXT_LENGTH.size
        end += _TEXT_LENGTH.unpack_from(raw, place)[0] if end <= len(raw) else 1
        if end > len(raw):
            raise RequestRefused(f"A text of the input {name!r} ends before its length.", name)
        try:
            found.append(raw[place + _TEXT_LENGTH.size : end].decode())
        except UnicodeDecodeError:
            raise RequestRefused(f"The input {name!r} holds a text that is not UTF-8.", name) from None
        place = end
    return found


def _bytes(datatype: str, values: list[Any]) -> bytes:
    if datatype == TEXT:
        texts = [value.encode() for value in values]
        return b"".join(_TEXT_LENGTH.pack(len(text)) + text for text in texts)
    return struct.pack(f"<{len(values)}{_FORMATS[datatype]}", *values)
