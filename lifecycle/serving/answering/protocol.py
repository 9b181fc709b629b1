"""The Open Inference Protocol v2 over HTTP: what a request says, and how an answer is written.

Each raw column is one tensor of shape [n] or [n, 1]: text as BYTES, numbers as FP64, FP32 or an INT type, and null for
a missing value. Nothing is cast in silence: a value that does not have its tensor's type is refused with its field. So
is what the prediction log could not commit to: numbers that a double does not hold, and text that is not Unicode.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from lifecycle.records.manifest import InputColumn, ModelSchemas
from lifecycle.records.record import INTEGER_BOUND, Digest, JsonObject
from lifecycle.serving.failures import RequestRefused

if TYPE_CHECKING:
    # Only the forms: whoever talks to a gateway needs no numpy.
    from lifecycle.serving.answering.served import Answer, Columns

TEXT = "BYTES"
_WHOLE = frozenset({int})
_ABSENT = frozenset({type(None)})
#: What a value of each datatype is in JSON. `bool` is a kind of its own: it is no number here.
_KINDS: dict[str, frozenset[type]] = {
    TEXT: frozenset({str}) | _ABSENT,
    **dict.fromkeys(("FP16", "FP32", "FP64"), frozenset({float, int}) | _ABSENT),
    **dict.fromkeys(("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"), _WHOLE | _ABSENT),
}
DATATYPES = tuple(_KINDS)
#: The least and the most of datatypes that hold less than JSON says: what does not fit is refused, and never cut to fit.
_SPANS: dict[str, tuple[float, float]] = {
    **{f"INT{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32)},
    **{f"UINT{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
    "FP16": (-65_504.0, 65_504.0),
    "FP32": (-3.4028234663852886e38, 3.4028234663852886e38),
}
#: What one value of a tensor is of which JSON says all that there is to check.
_SURE: dict[Any, frozenset[type]] = {TEXT: _KINDS[TEXT], "FP64": frozenset({float}) | _ABSENT}
_PARTS = itemgetter("name", "datatype", "shape", "data")
_ONE_ROW = [1]
OUTPUTS = ("probability", "decision")
#: What the share of the traffic that no version may answer is told: a person decides.
REFERRED = "refer"


class InferRequest(NamedTuple):
    """One request, its columns apart."""

    id: str
    columns: Columns
    rows: int
    #: What keeps a caller on one arm; "" draws anew for every request.
    routing_key: str
    outputs: tuple[str, ...]
    #: Whom the request is about, by an id of the caller's; "" where that is not said. It is kept with the values, and erased with them.
    subject: str = ""
    #: By which grant the caller may ask, and which application that is; "" where the gateway is open. Both are kept with the values.
    grant_id: str = ""
    principal: str = ""
    #: The versions that may answer this caller, by digest; None where the gateway is open: then all may.
    answerable: frozenset[Digest] | None = None

    def may_be_answered_by(self, digest: Digest) -> bool:
        """Whether the caller may be told what this version says."""
        return self.answerable is None or digest in self.answerable


def parse_body(body: bytes) -> Any:
    """The JSON value of a request's body. Raises RequestRefused for what is none: NaN, half a character, what is nested too deep."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RequestRefused(f"The body is not JSON: {error}.") from error


def parse_infer(body: bytes, most_rows: int) -> InferRequest:
    """An inference request. Raises RequestRefused that names the field and what is allowed."""
    return infer_request(parse_body(body), most_rows)


def infer_request(value: Any, most_rows: int) -> InferRequest:
    """The request that a JSON value is. Raises like `parse_infer`."""
    if not isinstance(value, dict):
        raise RequestRefused("The body must be a JSON object with `inputs`.")
    request_id, parameters = value.get("id", ""), value.get("parameters", {})
    if not isinstance(request_id, str) or len(request_id) > 256:
        raise RequestRefused("`id` must be a text of at most 256 characters.", "id")
    routing_key = parameters.get("routing_key", "") if isinstance(parameters, dict) else None
    if not isinstance(routing_key, str):
        raise RequestRefused("`parameters` must be an object, and its `routing_key` a text.", "parameters")
    subject = parameters.get("subject", "")
    if not isinstance(subject, str) or len(subject) > 256:
        raise RequestRefused("The parameter `subject` must be a text of at most 256 characters.", "parameters")
    columns, rows = _columns(value.get("inputs"), most_rows)
    return InferRequest(request_id, columns, rows, routing_key or request_id, _outputs(value.get("outputs")), subject)


def _columns(inputs: Any, most_rows: int) -> tuple[Columns, int]:
    if not isinstance(inputs, list) or not inputs:
        raise RequestRefused("`inputs` must be a list of tensors, one per column.", "inputs")
    plain = _plain_row(inputs)
    if plain is not None:
        return plain, 1
    columns: dict[str, list[str | int | float | None]] = {}
    rows = -1
    for position, tensor in enumerate(inputs):
        if not isinstance(tensor, dict) or not isinstance(tensor.get("name"), str):
            raise RequestRefused(f"`inputs[{position}]` must be an object with a `name`.", f"inputs[{position}]")
        name: str = tensor["name"]
        if name in columns:
            raise RequestRefused(f"The input {name!r} stands twice.", name)
        values = _values(name, tensor)
        if rows not in (-1, len(values)):
            raise RequestRefused(f"The input {name!r} has {len(values)} rows and the ones before it have {rows}.", name)
        rows = len(values)
        columns[name] = values
    if not 1 <= rows <= most_rows:
        raise RequestRefused(f"A request has between 1 and {most_rows} rows, not {rows}.", "inputs", 400 if rows < 1 else 413)
    return columns, rows


def _plain_row(inputs: list[Any]) -> Columns | None:
    """The columns of what nearly every request is: one row, each value text, a double or null. None for whatever else, wrong or not."""
    columns = {}
    try:
        for name, datatype, shape, data in map(_PARTS, inputs):
            # 1.0 and true are equal to 1, and are no whole numbers.
            if shape != _ONE_ROW or type(shape[0]) is not int or type(data) is not list or len(data) != 1 or type(name) is not str:
                return None
            if type(data[0]) not in _SURE[datatype]:
                return None
            columns[name] = data
    except (KeyError, TypeError):
        return None
    return columns if len(columns) == len(inputs) else None


def _values(name: str, tensor: dict[str, Any]) -> list[str | int | float | None]:
    shape, datatype, data = tensor.get("shape"), tensor.get("datatype"), tensor.get("data")
    if not isinstance(data, list):
        raise RequestRefused(f"The input {name!r} needs its values as a list in `data`.", name)
    if data and isinstance(data[0], list):
        if not all(isinstance(row, list) and len(row) == 1 for row in data):
            raise RequestRefused(f"The input {name!r} is one column: nest its values as [[a], [b]], or not at all.", name)
        data = [row[0] for row in data]
    count = len(data)
    if (shape != [count] and shape != [count, 1]) or not _WHOLE.issuperset(map(type, shape)):
        raise RequestRefused(f"The input {name!r} has {count} values, so its shape is [{count}] or [{count}, 1], not {shape}.", name)
    kinds = _KINDS.get(datatype) if isinstance(datatype, str) else None
    if kinds is None:
        raise RequestRefused(f"The input {name!r} has the datatype {datatype!r}; allowed are {', '.join(_KINDS)}.", name)
    found = set(map(type, data))
    if not found <= kinds or (int in found and not all(type(value) is not int or -INTEGER_BOUND < value < INTEGER_BOUND for value in data)):
        raise RequestRefused(f"The input {name!r} has a value that is not {datatype}.", name)
    span = _SPANS.get(str(datatype))
    if span is not None and not all(value is None or span[0] <= value <= span[1] for value in data):
        raise RequestRefused(f"The input {name!r} has a value that {datatype} does not hold: it holds {span[0]:g} to {span[1]:g}.", name)
    return data


def _outputs(wanted: Any) -> tuple[str, ...]:
    if wanted is None or wanted == []:
        return OUTPUTS
    names = [output.get("name") if isinstance(output, dict) else None for output in wanted] if isinstance(wanted, list) else [None]
    if not all(name in OUTPUTS for name in names):
        raise RequestRefused(f"`outputs` may name {' and '.join(OUTPUTS)}.", "outputs")
    if len(set(names)) != len(names):
        raise RequestRefused("`outputs` may name each output once.", "outputs")
    return tuple(str(name) for name in names)


def format_answer(request: InferRequest, model: str, version: int, answer: Answer, parameters: JsonObject) -> dict[str, Any]:
    """The answer of a version, in the form of the protocol."""
    made: dict[str, JsonObject] = {
        "probability": {"name": "probability", "datatype": "FP32", "shape": [request.rows], "data": list(answer.probabilities)},
        "decision": {"name": "decision", "datatype": TEXT, "shape": [request.rows], "data": list(answer.decisions)},
    }
    outputs = [made[name] for name in request.outputs]
    return {"model_name": model, "model_version": str(version), "id": request.id, "parameters": parameters, "outputs": outputs}


def format_referral(request: InferRequest, model: str, parameters: JsonObject) -> dict[str, Any]:
    """The answer where no version may answer yet: no probability, and the decision that a person decides."""
    decision = {"name": "decision", "datatype": TEXT, "shape": [request.rows], "data": [REFERRED] * request.rows}
    return {"model_name": model, "id": request.id, "parameters": parameters, "outputs": [decision]}


def format_metadata(model: str, versions: list[int], schemas: ModelSchemas) -> bytes:
    """What the model takes and answers."""
    inputs = [_input_metadata(column) for column in schemas.inputs]
    outputs = [{"name": "probability", "datatype": "FP32", "shape": [-1]}, {"name": "decision", "datatype": TEXT, "shape": [-1]}]
    return as_bytes(
        {"name": model, "versions": [str(version) for version in versions], "platform": "onnx", "inputs": inputs, "outputs": outputs}
    )


def _input_metadata(column: InputColumn) -> JsonObject:
    """One input tensor; what its numbers must lie within stands in its parameters."""
    tensor: JsonObject = {"name": column.name, "datatype": "FP64" if column.kind == "number" else TEXT, "shape": [-1]}
    return tensor if column.bounds is None else {**tensor, "parameters": column.bounds.as_json()}


def as_bytes(value: Any) -> bytes:
    """A JSON value as it goes over the wire. Its numbers are finite: parsed, or checked where they come from."""
    return orjson.dumps(value)
