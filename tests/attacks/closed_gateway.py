"""A gateway that answers one caller, and that caller's key: what attacks on who may ask begin with."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from lifecycle.records.rollout import LedgerProof
from lifecycle.serving.access.credentials import make_key
from tests.serving.granted import book, key_pass
from tests.serving.packages import MODEL, ROW
from tests.serving.running import RunningGateway, running_gateway

KEY, OTHER_KEY = make_key(), make_key()
PATH = f"/v2/models/{MODEL}/infer"


def granted(gateway: RunningGateway, key: str = KEY, **changes: object) -> LedgerProof:
    return key_pass(gateway.key, gateway.pack(1).digest, 1, key, **changes)


def body() -> bytes:
    tensors = [
        {"name": name, "shape": [1], "datatype": "BYTES" if isinstance(value, str) else "FP64", "data": [value]}
        for name, value in ROW.items()
    ]
    return json.dumps({"inputs": tensors}).encode()


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway that answers one caller."""
    with running_gateway(tmp_path_factory.mktemp("closed")) as gateway:
        gateway.serve(1)
        gateway.say_who_may_ask(book(granted(gateway)))
        yield gateway
