"""The OpenAPI 3.1 document of the gateway: what it serves about itself, and what its tests send nonsense by."""

from __future__ import annotations

from typing import Any

from lifecycle import __version__
from lifecycle.serving.answering.protocol import DATATYPES, OUTPUTS

JsonSchema = dict[str, Any]

_TEXT: JsonSchema = {"type": "string"}
_ERRORS = {
    400: "What the caller must correct; `field` names it.",
    401: "Nothing was shown that access was granted to.",
    403: "Access was granted to something else, or not to labels, or its time is over.",
    404: "That name is not served.",
    408: "The body did not come in time.",
    413: "The body is larger, or has more rows, than is taken.",
    429: "Too much at once, or for this grant; Retry-After says when to come again.",
    500: "The gateway broke over it.",
    503: "Nothing can answer now; Retry-After says when to come again.",
}
_UNASKED = (500,)
_ASKED = (401, 403, 500, 503)
_POST = (400, 401, 404, 408, 413, 429, 500, 503)


def document() -> JsonSchema:
    """The whole document. It is the same for every gateway: which columns a model takes is told by the model's own metadata."""
    model = "/v2/models/{model}"
    version = f"{model}/versions/{{version}}"
    paths = {
        "/v2": {
            "get": _operation("The server's name, version and extensions.", _object(name=_TEXT, version=_TEXT, extensions=_list(_TEXT)))
        },
        "/v2/health/live": {"get": _operation("Whether it lives.", _object(live={"type": "boolean"}))},
        "/v2/health/ready": {"get": _readiness()},
        "/v2/models": {"get": _operation("The models that are served.", _object(models=_list(_TEXT)), *_ASKED)},
        "/v2/feedback": {
            "post": _operation("Takes the label of a prediction.", _ACCEPTED, *_POST, 403, body="Label"),
        },
        "/v2/openapi.json": {"get": _operation("This document.", {"type": "object"})},
        "/metrics": {"get": _operation("What the gateway counts, as Prometheus reads it.", None)},
    }
    for path, parameters in ((model, _named("model")), (version, _named("model", "version"))):
        paths[path] = _with(parameters, get=_operation("What a model takes and answers.", _reference("Metadata"), *_ASKED, 404))
        paths[f"{path}/ready"] = _with(
            parameters, get=_operation("Whether it answers.", _object(name=_TEXT, ready={"type": "boolean"}), *_ASKED, 404)
        )
        paths[f"{path}/infer"] = _with(parameters, post=_operation("A prediction.", _reference("Answer"), *_POST, 403, body="Request"))
    paths[f"{model}/feedback"] = _with(
        _named("model"), post=_operation("Takes the label of a prediction of this model.", _ACCEPTED, *_POST, 403, body="LabelOfModel")
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Lifecycle gateway",
            "version": __version__,
            "description": "The Open Inference Protocol v2, labels and metrics. Where access is granted, each request shows its key.",
        },
        "security": [{}, {"key": []}],
        "paths": paths,
        "components": {"schemas": _SCHEMAS, "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
    }


def _operation(summary: str, answer: JsonSchema | None, *errors: int, body: str = "") -> JsonSchema:
    kind = "text/plain" if answer is None else "application/json"
    responses: JsonSchema = {"200": {"description": summary, "content": {kind: {"schema": answer or _TEXT}}}}
    for status in sorted({*errors, *_UNASKED}):
        responses[str(status)] = {"description": _ERRORS[status], "content": {"application/json": {"schema": _reference("Error")}}}
    operation: JsonSchema = {"summary": summary, "responses": responses}
    if body:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": _reference(body)}}}
    return operation


def _with(parameters: list[JsonSchema], **operations: JsonSchema) -> JsonSchema:
    return {"parameters": parameters, **operations}


def _named(*names: str) -> list[JsonSchema]:
    schemas = {"model": {"type": "string", "minLength": 1}, "version": {"type": "string", "pattern": "^[0-9]{1,9}$"}}
    return [{"name": name, "in": "path", "required": True, "schema": schemas[name]} for name in names]


def _reference(name: str) -> JsonSchema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(**members: JsonSchema) -> JsonSchema:
    return {"type": "object", "properties": members, "required": list(members)}


def _list(items: JsonSchema) -> JsonSchema:
    return {"type": "array", "items": items}


def _readiness() -> JsonSchema:
    said = _object(ready={"type": "boolean"})
    operation = _operation("Whether requests are answered.", said, 503)
    # Not an error to whoever asks for it.
    operation["responses"]["503"]["content"]["application/json"]["schema"] = said
    return operation


_SHAPE: JsonSchema = {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2}
_SHORT: JsonSchema = {"type": "string", "minLength": 1, "maxLength": 256}
_PREDICTION_ID: JsonSchema = {"type": "string", "format": "uuid", "description": "As it stands in the parameters of an answer."}
_OUTCOME: JsonSchema = {**_SHORT, "description": "What turned out to be true: one of the outcomes that the model decides between."}
_ACCEPTED: JsonSchema = _object(accepted={"type": "integer"})
_VALUE: JsonSchema = {"type": ["string", "number", "null"]}
_SCHEMAS: JsonSchema = {
    "Error": {"type": "object", "properties": {"error": _TEXT, "field": _TEXT}, "required": ["error"], "additionalProperties": False},
    "Label": _object(model=_SHORT, prediction_id=_PREDICTION_ID, label=_OUTCOME),
    "LabelOfModel": _object(prediction_id=_PREDICTION_ID, label=_OUTCOME),
    "Metadata": _object(
        name=_TEXT,
        versions=_list(_TEXT),
        platform=_TEXT,
        inputs=_list(_object(name=_TEXT, datatype=_TEXT, shape=_SHAPE)),
        outputs=_list(_object(name=_TEXT, datatype=_TEXT, shape=_SHAPE)),
    ),
    "Request": {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": {"type": "string", "maxLength": 256},
            "parameters": {
                "type": "object",
                "properties": {
                    "routing_key": {"type": "string", "description": "What keeps a caller on one arm."},
                    "subject": {"type": "string", "maxLength": 256, "description": "Whom the request is about."},
                    "binary_data_output": {"type": "boolean", "description": "All outputs as bytes after the JSON."},
                },
            },
            "inputs": {"type": "array", "minItems": 1, "items": _reference("Tensor")},
            "outputs": _list(
                {
                    "type": "object",
                    "required": ["name"],
                    "properties": {
                        "name": {"enum": list(OUTPUTS)},
                        "parameters": {"type": "object", "properties": {"binary_data": {"type": "boolean"}}},
                    },
                }
            ),
        },
    },
    "Tensor": {
        "type": "object",
        "required": ["name", "shape", "datatype"],
        "properties": {
            "name": _TEXT,
            "shape": _SHAPE,
            "datatype": {"enum": list(DATATYPES)},
            "data": {"type": "array", "items": {"oneOf": [_VALUE, {"type": "array", "items": _VALUE, "minItems": 1, "maxItems": 1}]}},
            "parameters": {"type": "object", "properties": {"binary_data_size": {"type": "integer", "minimum": 0}}},
        },
    },
    "Answer": {
        "type": "object",
        "required": ["model_name", "id", "parameters", "outputs"],
        "properties": {
            "model_name": _TEXT,
            "model_version": {"type": "string", "description": "Which version answered; not there where a person decides."},
            "id": _TEXT,
            "parameters": {"type": "object", "required": ["arm", "prediction_id", "epoch"]},
            "outputs": _list(
                {
                    "type": "object",
                    "required": ["name", "datatype", "shape"],
                    "properties": {"name": {"enum": list(OUTPUTS)}, "datatype": _TEXT, "shape": _SHAPE, "data": {"type": "array"}},
                }
            ),
        },
    },
}
