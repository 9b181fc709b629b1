"""The peers: where each answers, what it is sent, and what of it is not as it comes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Features = Sequence[float]


def _features(features: Features) -> Any:
    return {"features": features}


def _rows(features: Features) -> Any:
    return {"rows": [features]}


def _inputs(features: Features) -> Any:
    return {"inputs": [features]}


def _open_inference(features: Features) -> Any:
    return {"inputs": [{"name": "features", "shape": [1, len(features)], "datatype": "FP32", "data": features}]}


@dataclass(frozen=True)
class Peer:
    """One server. `package` is its module in `served`, its lock in `locks` and its distribution on the package index."""

    package: str
    title: str
    path: str
    asked: Callable[[Features], Any]
    #: The one setting that is not the peer's default, as NAME=NUMBER: beside its defaults, never instead of them.
    setting: str = ""

    @property
    def name(self) -> str:
        """What its figures go by."""
        return f"{self.package} {self.setting}".rstrip()

    def body(self, features: Features) -> bytes:
        """One row of features, in the form that this peer's documentation shows."""
        return json.dumps(self.asked(features)).encode()


PEERS = (
    Peer("mlserver", "MLServer", "/v2/models/network/infer", _open_inference),
    # By default it hands each request to another process; without, it is the model's.
    Peer("mlserver", "MLServer", "/v2/models/network/infer", _open_inference, "parallel_workers=0"),
    Peer("litserve", "LitServe", "/predict", _features),
    Peer("bentoml", "BentoML", "/predict", _rows),
    Peer("mlflow", "MLflow", "/invocations", _inputs),
    Peer("ray", "Ray Serve", "/", _features),
    # By default a replica takes five requests at once, and its proxy asks again later for all others: with 32 callers they wait for
    # that, seconds long, and not for the replica.
    Peer("ray", "Ray Serve", "/", _features, "max_ongoing_requests=100"),
)
