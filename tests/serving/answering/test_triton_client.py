"""A client that we did not write talks to the gateway: NVIDIA's `tritonclient`, over HTTP, with JSON and with binary tensors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from lifecycle.serving.answering.served import ServedModel
from lifecycle.serving.folder import GatewayFolder
from tests.serving.packages import MODEL
from tests.serving.running import RunningGateway, running_gateway

INCOMES, HOMES = [120.0, 90.0, 100.5], ["rent", "owner", "b\u00f6\u00f6t"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway that serves version 3."""
    with running_gateway(tmp_path_factory.mktemp("triton")) as gateway:
        gateway.serve(3)
        yield gateway


@pytest.fixture
def client(served: RunningGateway) -> Iterator[Any]:
    made = triton.InferenceServerClient(str(served.client.status().url).removeprefix("http://"))
    yield made
    made.close()


def inputs(binary: bool, incomes: list[float] = INCOMES, dtype: type[np.generic] = np.float64, kind: str = "FP64") -> list[Any]:
    numbers = triton.InferInput("income", [len(incomes), 1], kind)
    numbers.set_data_from_numpy(np.array(incomes, dtype=dtype).reshape(-1, 1), binary_data=binary)
    texts = triton.InferInput("home", [len(incomes)], "BYTES")
    texts.set_data_from_numpy(np.array([home.encode() for home in HOMES[: len(incomes)]], dtype=np.object_), binary_data=binary)
    return [numbers, texts]


def test_it_sees_what_the_server_is_and_has(client: Any) -> None:
    """Liveness, readiness and metadata, of the server, of a model and of a version."""
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(MODEL)
    assert client.is_model_ready(MODEL, "3")
    assert not client.is_model_ready(MODEL, "4")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    assert client.get_model_metadata(MODEL, "3")["versions"] == ["3"]


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("answered", [True, False])
def test_it_gets_the_models_own_numbers(served: RunningGateway, client: Any, asked: bool, answered: bool) -> None:
    """As JSON and as bytes, in and out: the same numbers and decisions, to the bit."""
    packed = served.pack(3)
    model = ServedModel.load(GatewayFolder(served.folder).package(MODEL, 3, packed.digest), 3, packed.digest)
    expected = model.answer({"income": INCOMES, "home": HOMES}, 3)
    outputs = [triton.InferRequestedOutput(name, binary_data=answered) for name in ("decision", "probability")]
    said = client.infer(MODEL, inputs(asked), model_version="3", outputs=outputs, request_id="call-1")
    assert said.as_numpy("probability").tolist() == expected.probabilities
    assert [bytes(of).decode() if answered else of for of in said.as_numpy("decision").tolist()] == expected.decisions
    assert (said.get_response()["id"], said.get_response()["model_version"]) == ("call-1", "3")


def test_it_need_not_say_what_it_wants(client: Any) -> None:
    """Without a word about outputs the client asks for all of them as bytes."""
    said = client.infer(MODEL, inputs(True))
    assert said.as_numpy("probability").dtype == np.float32
    assert len(said.as_numpy("decision")) == len(INCOMES)


def test_what_was_asked_in_bytes_is_logged_like_json(served: RunningGateway, client: Any) -> None:
    """The prediction log has the values, whatever way they came in."""
    said = client.infer(MODEL, inputs(True, [77.25], np.float32, "FP32"))
    row = served.client.predictions.find(said.get_response()["parameters"]["prediction_id"])
    assert row["values"] == {"income": 77.25, "home": "rent"}


def test_it_hears_what_is_wrong(client: Any) -> None:
    """A refusal reaches the client in the protocol's form, with its status."""
    with pytest.raises(InferenceServerException, match="not finite") as refused:
        client.infer(MODEL, inputs(True, [float("nan")]))
    assert str(refused.value.status()) == "400"
