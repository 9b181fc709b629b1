"""What each part of a package must be. Nothing here runs code, and nothing that would run code gets past.

A pickle runs whatever it likes when it is loaded, and so does a ZIP of them (`torch.save`): both are refused by
name. An ONNX graph may use only itself: no data in other files, no operators from elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lifecycle.errors import MalformedRecord, Refused
from lifecycle.records.manifest import FILE_NAMES, ModelSchemas, Part, TrainingRecipe

#: The operators that ONNX itself defines ("" is the same as "ai.onnx").
STANDARD_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})

#: What unsafe content starts with, and what to call it. From protocol 2 on, a pickle starts with 0x80 and its protocol.
UNSAFE_STARTS: dict[bytes, str] = {
    **{bytes((0x80, protocol)): f"a pickle (protocol {protocol})" for protocol in range(2, 6)},
    b"PK\x03\x04": "a ZIP archive, such as torch.save writes: pickles in a ZIP",
    b"PK\x05\x06": "an empty ZIP archive",
    b"\x1f\x8b": "a gzip archive",
    b"\x93NUMPY": "a NumPy file, which may hold pickles",
    b"\x89HDF\r\n": "an HDF5 file, which may hold code",
}


def check_part(part: Part, content: bytes) -> None:
    """Passes only content that is what the part must be.

    Raises Refused, naming what it is, for content that could run code or reach outside of itself, and
    MalformedRecord for content that is simply not of the part's format.
    """
    for start, kind in UNSAFE_STARTS.items():
        if content.startswith(start):
            raise Refused(
                f"{FILE_NAMES[part]} is {kind}. Loading it can run code, so it is never loaded.",
                "Export weights as safetensors, the graph as ONNX and everything else as JSON.",
            )
    match part:
        case "weights":
            _check_weights(content)
        case "graph":
            _check_graph(content)
        case "preprocessor":
            from lifecycle.features.preprocessor import Preprocessor

            Preprocessor.parse(content)
        case "schemas":
            ModelSchemas.parse(content)
        case "training":
            TrainingRecipe.parse(content)


def _check_weights(content: bytes) -> None:
    import safetensors

    try:
        # Reads the whole file, and refuses bytes that no tensor claims: nothing can hide between them.
        safetensors.deserialize(content)
    except safetensors.SafetensorError as error:
        raise _malformed("weights", "a safetensors file", str(error)) from error


def _check_graph(content: bytes) -> None:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model_from_string(content)
    except DecodeError as error:
        raise _malformed("graph", "an ONNX model", "it is no protocol buffer") from error
    for message in _every_message(model):
        if isinstance(message, onnx.TensorProto) and (message.data_location == onnx.TensorProto.EXTERNAL or message.external_data):
            raise Refused(
                f"{FILE_NAMES['graph']} keeps the tensor {message.name!r} in another file, which the model's digest does not cover.",
                "Export the graph as one file, with its tensors inside.",
            )
        if isinstance(message, onnx.NodeProto | onnx.OperatorSetIdProto) and message.domain not in STANDARD_DOMAINS:
            raise Refused(
                f"{FILE_NAMES['graph']} uses operators of {message.domain!r}: their code would come from outside of the package.",
                "Export with the operators of ONNX itself, local functions inlined.",
            )
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise _malformed("graph", "an ONNX model", str(error).splitlines()[0]) from error


def _every_message(message: Any) -> Iterator[Any]:
    """The message and all in it, however deep: branches, loop bodies, functions, training graphs, sparse tensors."""
    waiting = [message]
    while waiting:
        found = waiting.pop()
        yield found
        for field, value in found.ListFields():
            if field.message_type is not None:
                waiting.extend([value] if hasattr(value, "ListFields") else value)


def _malformed(part: Part, format_name: str, reason: str) -> MalformedRecord:
    return MalformedRecord(f"{FILE_NAMES[part]} is not {format_name}: {reason}.", "Export the model again.")
