"""The gateway's OpenAPI document: it says what is served, and schemathesis sends by it whatever it can think of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, get_args

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from lifecycle.serving.answering.openapi import document
from lifecycle.serving.answering.paths import Resource, place_of
from tests.serving.packages import MODEL, ROW
from tests.serving.running import RunningGateway, running_gateway

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway that serves version 3."""
    with running_gateway(tmp_path_factory.mktemp("openapi")) as gateway:
        gateway.serve(3)
        yield gateway


def operations() -> list[tuple[str, str]]:
    return [(method, path) for path, item in document()["paths"].items() for method in item if method in ("get", "post")]


def test_the_document_has_every_path_and_no_other() -> None:
    """Each path of the document is answered by its method, and nothing is answered that the document leaves out."""
    found = {}
    for method, path in operations():
        place = place_of(path.format(model="credit", version="3"))
        assert place.method.lower() == method
        found[place.resource] = path
    assert set(found) == set(get_args(Resource))


def test_it_is_served(served: RunningGateway) -> None:
    """Whoever asks the gateway gets the document as it is."""
    assert served.caller().send("GET", "/v2/openapi.json") == (200, json.loads(json.dumps(document())))


def test_what_is_sent_and_answered_is_what_the_document_says(served: RunningGateway) -> None:
    """A usual request and its answer have the forms of the document."""
    asked = {
        "inputs": [
            {"name": name, "shape": [1], "datatype": "BYTES" if isinstance(value, str) else "FP64", "data": [value]}
            for name, value in ROW.items()
        ]
    }
    status, said = served.caller().send("POST", f"/v2/models/{MODEL}/infer", json.dumps(asked).encode())
    assert status == 200
    for schema, value in (("Request", asked), ("Answer", said)):
        Draft202012Validator(document() | {"$ref": f"#/components/schemas/{schema}"}).validate(value)


@pytest.mark.slow
@pytest.mark.parametrize(("method", "path"), operations())
def test_whatever_is_sent_is_answered_as_the_document_says(served: RunningGateway, method: str, path: str) -> None:
    """No request makes the gateway break, or answer with a status, a type or a form that the document does not have."""
    described: Any = document()
    for item in described["paths"].values():
        for parameter in item.get("parameters", []):
            # One that serves and one that does not: names out of thin air would never get past the door.
            parameter["schema"] = {"enum": [MODEL, "fraud"] if parameter["name"] == "model" else ["3", "9"]}
    operation = schemathesis.openapi.from_dict(described)[path][method]
    url = str(served.client.status().url)

    @settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def send(case: Any) -> None:
        response = case.call(base_url=url, timeout=30)
        case.validate_response(response, checks=CHECKS)

    send()
    assert served.caller().infer()[0] == 200
