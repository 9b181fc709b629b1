"""The gateway over HTTP: the Open Inference Protocol, its errors, labels and metrics."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from lifecycle.errors import InvalidDeclaration
from lifecycle.serving.access.book import nobody
from lifecycle.serving.access.doorkeeper import Doorkeeper
from lifecycle.serving.access.refusal_log import RefusalWriter
from lifecycle.serving.answering.application import Application
from lifecycle.serving.answering.served import ServedModel
from lifecycle.serving.folder import GatewayFolder
from lifecycle.serving.prediction_log.kept_values import KeptValues
from lifecycle.serving.settings import GatewaySettings
from tests.serving.packages import MODEL, ROW, decision, plan
from tests.serving.running import Caller, RunningGateway, running_gateway


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """One gateway for all tests here, with two workers, that serves version 3."""
    with running_gateway(tmp_path_factory.mktemp("served"), workers=2) as gateway:
        gateway.serve(3)
        yield gateway


@pytest.fixture
def caller(served: RunningGateway) -> Caller:
    return served.caller()


def tensors(**columns: list[object]) -> bytes:
    made = [
        {"name": name, "shape": [len(data)], "datatype": "BYTES" if isinstance(data[0], str) else "FP64", "data": data}
        for name, data in columns.items()
    ]
    return json.dumps({"inputs": made, "id": "call-1"}).encode()


def test_the_server_says_what_it_is(caller: Caller) -> None:
    """Name, version and health, as the protocol has them."""
    assert caller.send("GET", "/v2")[1]["name"] == "lifecycle"
    assert caller.send("GET", "/v2/health/live") == (200, {"live": True})
    assert caller.send("GET", "/v2/health/ready") == (200, {"ready": True})


@pytest.mark.parametrize("path", ["/v2/models/credit", "/v2/models/credit/versions/3"])
def test_a_model_says_what_it_takes_and_answers(caller: Caller, path: str) -> None:
    """Each raw column is an input; probability and decision are the outputs."""
    status, said = caller.send("GET", path)
    assert (status, said["name"], said["versions"]) == (200, MODEL, ["3"])
    assert said["inputs"] == [
        {"name": "income", "datatype": "FP64", "shape": [-1], "parameters": {"least": -1e6, "most": 1e6}},
        {"name": "home", "datatype": "BYTES", "shape": [-1]},
    ]
    assert [output["name"] for output in said["outputs"]] == ["probability", "decision"]
    assert caller.send("GET", f"{path}/ready")[0] == 200


def test_an_answer_is_what_the_model_says(served: RunningGateway, caller: Caller, tmp_path: Path) -> None:
    """The bytes that serve, loaded here, give the same numbers; id and version are echoed."""
    status, said = caller.send("POST", "/v2/models/credit/infer", tensors(income=[120.0, 90.0, 100.0], home=["rent", "owner", "boat"]))
    assert (status, said["id"], said["model_name"], said["model_version"]) == (200, "call-1", MODEL, "3")
    packed = served.pack(3)
    folder = GatewayFolder(served.folder).package(MODEL, 3, packed.digest)
    model = ServedModel.load(folder, 3, packed.digest)
    expected = model.answer({"income": [120.0, 90.0, 100.0], "home": ["rent", "owner", "boat"]}, 3)
    probability, decision = said["outputs"]
    assert probability == {"name": "probability", "datatype": "FP32", "shape": [3], "data": expected.probabilities}
    assert decision == {"name": "decision", "datatype": "BYTES", "shape": [3], "data": expected.decisions}
    assert len(set(said["parameters"]["prediction_ids"])) == 3


def test_missing_values_are_part_of_the_data(caller: Caller) -> None:
    """Null in a column that may be missing is answered."""
    assert caller.infer({"income": None, "home": "rent"})[0] == 200


def test_only_the_outputs_that_are_asked_for(caller: Caller) -> None:
    """A caller that names its outputs gets those."""
    body = json.loads(tensors(income=[1.0], home=["rent"])) | {"outputs": [{"name": "decision"}]}
    assert [output["name"] for output in caller.send("POST", "/v2/models/credit/infer", json.dumps(body).encode())[1]["outputs"]] == [
        "decision"
    ]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"income": 1.0}, "home"),
        ({**ROW, "shoe_size": 43.0}, "shoe_size"),
        ({"income": "much", "home": "rent"}, "income"),
        ({"income": 1.0, "home": 7.0}, "home"),
        ({"income": 1.0, "home": None}, "home"),
        ({"income": 1_000_000.5, "home": "rent"}, "income"),
        ({"income": -1e7, "home": "rent"}, "income"),
    ],
)
def test_what_the_model_does_not_take_is_refused_by_name(caller: Caller, row: dict[str, object], field: str) -> None:
    """A column that is missing, unknown, of another type, empty where it may not be, or out of what the data contract permits."""
    status, said = caller.infer(row)
    assert (status, said["field"]) == (400, field)
    assert field in said["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v2/models/fraud", 404),
        ("GET", "/v2/models/credit/versions/9", 404),
        ("GET", "/v2/models/credit/versions/nine", 404),
        ("GET", "/v2/models/credit/versions/9/ready", 404),
        ("GET", "/v2/models/credit/infer", 405),
        ("POST", "/v2/models/credit", 405),
        ("POST", "/v2/models/credit/versions/9/infer", 404),
        ("POST", "/v2/models/credit/infer", 400),
    ],
)
def test_what_is_not_there_is_said_in_the_form_of_the_protocol(caller: Caller, method: str, path: str, status: int) -> None:
    """Every error is a JSON object with `error`."""
    found, said = caller.send(method, path, tensors(income=[1.0], home=["rent"]) if status != 400 else b"nonsense")
    assert found == status
    assert isinstance(said["error"], str)


@pytest.mark.parametrize(("method", "path", "allowed"), [("GET", "infer", "POST"), ("DELETE", "infer", "POST"), ("POST", "ready", "GET")])
def test_who_asks_in_another_way_is_told_which_would_do(caller: Caller, method: str, path: str, allowed: str) -> None:
    """A 405 says so in the header that HTTP has for it."""
    assert caller.send(method, f"/v2/models/credit/{path}")[0] == 405
    assert caller.headers["allow"] == allowed


def test_callers_are_told_what_numbers_must_lie_within(caller: Caller) -> None:
    """The metadata of an input names its bounds, and a value on them is answered."""
    inputs = {one["name"]: one for one in caller.send("GET", "/v2/models/credit")[1]["inputs"]}
    bounds = inputs["income"]["parameters"]
    assert [caller.infer({"income": value, "home": "rent"})[0] for value in (bounds["least"], bounds["most"])] == [200, 200]


def test_the_champion_can_be_asked_by_its_version(caller: Caller) -> None:
    """The version that serves answers under its own address."""
    assert caller.infer(path="/v2/models/credit/versions/3/infer")[0] == 200


def test_a_body_that_is_too_large_is_refused(caller: Caller) -> None:
    """A body past the limit gets 413, announced or not."""
    assert caller.send("POST", "/v2/models/credit/infer", b" " * (1 << 20) + b"x")[0] == 413


def test_half_a_request_harms_nobody(served: RunningGateway, caller: Caller) -> None:
    """A caller that leaves in the middle is forgotten; others are answered."""
    host, _, port = str(served.client.status().url).removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as half:
        half.sendall(b"POST /v2/models/credit/infer HTTP/1.1\r\ncontent-length: 100\r\n\r\n{")
    assert caller.infer()[0] == 200


def test_every_answer_is_in_the_log_before_it_is_seen(served: RunningGateway, caller: Caller) -> None:
    """Each prediction id that a caller holds has its row, with what was asked and answered."""
    _, ids = caller.infer_many(50)
    rows = {row["id"]: row for row in served.client.predictions.rows(MODEL)}
    assert set(ids) <= set(rows)
    row = rows[ids[0]]
    assert (row["version"], row["arm"], row["outcome"], row["values"]) == (3, "champion", "answered", ROW)
    assert row["model_digest"] == served.pack(3).digest


def test_a_row_names_the_decision_that_let_its_version_serve(served: RunningGateway, caller: Caller) -> None:
    """The decision of the order and the digest of its policy stand in the row; the caller's id beside it."""
    _, said = caller.infer(request_id="call-7")
    row = served.client.predictions.find(said["parameters"]["prediction_id"])
    allowed = decision(served.pack(3).digest, 3, plan())
    assert row["decision_id"].startswith("decision-of-rollout-")
    assert (row["bundle_digest"], row["request_id"]) == (allowed.policy.bundle_digest, "call-7")


def test_a_label_is_kept_with_its_prediction(served: RunningGateway, caller: Caller) -> None:
    """Feedback is taken for a prediction and read with its row; what is no feedback is refused."""
    _, (prediction_id,) = caller.infer_many(1)
    label = {"model": MODEL, "prediction_id": prediction_id, "label": "bad"}
    assert caller.send("POST", "/v2/feedback", json.dumps(label).encode())[0] == 200
    assert served.client.predictions.find(prediction_id)["label"] == "bad"
    for wrong in (b"nonsense", b"[]", b'{"model": "credit"}', json.dumps(label | {"label": 1}).encode()):
        assert caller.send("POST", "/v2/feedback", wrong)[0] == 400


def test_metrics_count_what_all_workers_answered(served: RunningGateway) -> None:
    """Whichever worker is asked, its metrics are those of the gateway, and its histogram adds up."""
    callers = [served.caller() for _ in range(8)]
    for caller in callers:
        caller.infer_many(5)
    text = callers[0].send("GET", "/metrics")[1]
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    labels = 'model="credit",version="3",arm="champion"'
    requests = int(values[f"lifecycle_inference_requests_total{{{labels}}}"])
    assert requests == served.model().versions[0].requests >= 40
    assert int(values[f"lifecycle_inference_duration_seconds_count{{{labels}}}"]) == requests
    assert float(values[f"lifecycle_rollout_weight{{{labels}}}"]) == 1.0


def answer(application: Application, path: str, *messages: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The start of an application's answer to a request whose body comes like this, and then no further."""
    sent: list[MutableMapping[str, Any]] = []
    coming = list(messages)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def receive() -> MutableMapping[str, Any]:
        if not coming:
            await asyncio.Event().wait()
        return coming.pop(0)

    method = "POST" if path.endswith("infer") else "GET"
    asyncio.run(application({"type": "http", "method": method, "path": path, "headers": []}, receive, send))
    return sent[0]


class BrokenRouter:
    """A router whose code is wrong."""

    names: ClassVar[dict[str, object]] = {"credit": object()}

    def named(self, name: str) -> object:
        return self.names[name]

    def begin(self, *arguments: object) -> dict[str, object]:
        raise TypeError("a bug")


def application(*, most_in_flight: int = 1) -> Application:
    return Application(
        BrokenRouter(),  # type: ignore[arg-type]  # all that is asked of it
        None,  # type: ignore[arg-type]  # nothing is logged
        bytes,
        opened(),
        RefusalWriter(Path("/dev/null/nowhere"), 0, 60.0),
        most_body_bytes=100_000,
        most_rows=1,
        most_in_flight=most_in_flight,
        request_seconds=0.01,
    )


def opened() -> Doorkeeper:
    """Everybody may ask."""
    door = Doorkeeper(lambda: pytest.fail("nobody's requests are counted"))
    door.learn(nobody("local").as_message())
    return door


WHOLE = {"type": "http.request", "body": tensors(income=[1.0], home=["rent"])}


def test_past_its_limit_the_gateway_refuses_at_once() -> None:
    """A request too many is told to come back; health is answered all the same."""
    said = answer(application(most_in_flight=0), "/v2/models/credit/infer", WHOLE)
    assert said["status"] == 429
    assert (b"retry-after", b"1") in said["headers"]
    assert answer(application(most_in_flight=0), "/v2/health/live")["status"] == 200


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    """A caller who begins a body and does not end it is told so, and its connection is closed."""
    said = answer(application(), "/v2/models/credit/infer", {"type": "http.request", "body": b"{", "more_body": True})
    assert said["status"] == 408
    assert (b"connection", b"close") in said["headers"]


def test_whatever_breaks_is_answered_in_json() -> None:
    """A fault of the gateway's own is a 500 that says so in the form of all errors."""
    said = answer(application(), "/v2/models/credit/infer", WHOLE)
    assert said["status"] == 500
    assert (b"content-type", b"application/json") in said["headers"]


def test_a_gateway_needs_a_worker() -> None:
    """No workers would answer nobody, and are refused before anything starts."""
    with pytest.raises(InvalidDeclaration, match="0 workers"):
        GatewaySettings(Path("gateway"), "127.0.0.1", 0, 0, "local", "key", Path("public"))


def test_a_typing_error_does_not_fill_the_machine_with_workers() -> None:
    """Each takes tens of megabytes, and 9,999 of them all that there are: refused before the first one starts."""
    with pytest.raises(InvalidDeclaration, match="9999 workers are more than this machine can run"):
        GatewaySettings(Path("gateway"), "127.0.0.1", 0, 9_999, "local", "key", Path("public"))


def test_whom_a_request_is_about_lies_with_what_was_asked(served: RunningGateway, caller: Caller) -> None:
    """Committed to in the row, found by its name, and nowhere in the row itself."""
    asked = json.loads(tensors(income=[1.0, 2.0], home=["rent", "owner"])) | {"parameters": {"subject": "customer-4711"}}
    status, said = caller.send("POST", f"/v2/models/{MODEL}/infer", json.dumps(asked).encode())
    assert status == 200
    ids = said["parameters"]["prediction_ids"]
    found = served.client.predictions.locate(ids[1])
    assert found.fits
    assert found.asked is not None
    assert (found.asked["subject"], found.asked["values"]["home"]) == ("customer-4711", "owner")
    assert b"customer-4711" not in found.stored
    kept = KeptValues(GatewayFolder(served.folder).predictions).of("customer-4711")
    assert [one.prediction_id for one in kept] == ids


def test_the_rows_of_the_log_are_a_metric(served: RunningGateway, caller: Caller) -> None:
    """Whoever scrapes it has an account of the log that the gateway can't take back."""
    caller.infer()
    counted = sum(1 for _ in served.client.predictions.rows(MODEL, with_values=False))
    assert f'lifecycle_predictions_logged_total{{model="{MODEL}"}} {counted}' in caller.send("GET", "/metrics")[1]
