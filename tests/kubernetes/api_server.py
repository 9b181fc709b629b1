"""An API server as far as targets use one, over real HTTP, with the controllers that act on what it keeps.

It is strict: a path, a parameter or a content type that is not known here fails the test that sent it. Pods have no processes:
they count the requests that `ask` sends them by the weights of the routes, as the gateway's metrics tell it.
"""

from __future__ import annotations

import itertools
import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import kubernetes

from lifecycle.serving.answering.counters import CellCounts
from lifecycle.serving.answering.metrics import ArmMetrics, ModelMetrics, exposition
from tests.kubernetes.pod_logs import PodLogs

Manifest = dict[str, Any]
NAMESPACE = "lifecycle"
#: What this cluster has, by path: (apiVersion, kind).
KINDS = {
    "/api/v1/namespaces/lifecycle/services": ("v1", "Service"),
    "/api/v1/namespaces/lifecycle/pods": ("v1", "Pod"),
    "/apis/apps/v1/namespaces/lifecycle/deployments": ("apps/v1", "Deployment"),
    "/apis/coordination.k8s.io/v1/namespaces/lifecycle/leases": ("coordination.k8s.io/v1", "Lease"),
    "/apis/gateway.networking.k8s.io/v1/namespaces/lifecycle/httproutes": ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    "/apis/serving.kserve.io/v1beta1/namespaces/lifecycle/inferenceservices": ("serving.kserve.io/v1beta1", "InferenceService"),
}
OPTIONS = {"labelSelector", "fieldManager", "force"}


@dataclass
class Pod:
    """A pod without a process."""

    manifest: Manifest
    #: The objects that it belongs to.
    owner: tuple[str, str]
    version: str
    counts: CellCounts = field(default_factory=CellCounts)


class ApiServer:
    """What is kept, and what is done about it."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Manifest] = {}
        self.pods: dict[str, Pod] = {}
        #: Versions whose pods never get ready, and those that fail every request.
        self.never_ready: set[str] = set()
        self.failing: set[str] = set()
        #: Whether it answers; and how often it takes a write and the answer is lost.
        self.down = False
        self.lost_answers = 0
        self.wrong: list[str] = []
        #: Where pods log what they answer, if they do.
        self.logs: PodLogs | None = None
        self.calls: list[str] = []
        self.lock = threading.RLock()
        self._revisions = itertools.count(1)
        self._random = random.Random(7)

    # What callers of the model do.

    def ask(self, model: str, count: int) -> Counter[str]:
        """Sends requests the way the model's route says; returns how many each version was asked. Nobody may be asked in vain."""
        asked: Counter[str] = Counter()
        with self.lock:
            (route,) = (one for (kind, _), one in self.objects.items() if kind == "HTTPRoute")
            backends = route["spec"]["rules"][0]["backendRefs"]
            for _ in range(count):
                backend = self._random.choices(backends, [one["weight"] for one in backends])[0]
                pod = self._random.choice(self._behind(backend["name"]))
                pod.counts += _answered(failed=pod.version in self.failing)
                if self.logs is not None:
                    self.logs.answered(pod.manifest["metadata"]["name"], pod.version)
                asked[pod.version] += 1
        return asked

    def routed(self, model: str) -> bool:
        """Whether its route leads anywhere."""
        found = self.objects.get(("HTTPRoute", model))
        return found is not None and bool(found["spec"]["rules"][0]["backendRefs"])

    def _behind(self, service: str) -> list[Pod]:
        found = self.objects.get(("Service", service))
        if found is not None:
            wanted = found["spec"]["selector"].items()
        else:
            # KServe makes a predictor's Service itself.
            wanted = {"serving.kserve.io/inferenceservice": service.removesuffix("-predictor")}.items()
        pods = [pod for pod in self.pods.values() if wanted <= pod.manifest["metadata"]["labels"].items() and is_ready(pod.manifest)]
        assert pods, f"a route sends requests to {service}, behind which nothing is ready"
        return pods

    def crash(self, version: int, reason: str = "OOMKilled") -> None:
        """A container of this version ends, and is started again."""
        with self.lock:
            pod = next(pod for pod in self.pods.values() if pod.version == str(version))
            (status,) = pod.manifest["status"]["containerStatuses"]
            status["restartCount"] += 1
            status["lastState"] = {"terminated": {"reason": reason, "exitCode": 137}}
            pod.counts = CellCounts()

    def restart_pods(self, version: str) -> None:
        """What kept the pods of a version from getting ready is over."""
        with self.lock:
            for kind, name in [key for key, found in self.objects.items() if key[0] in ("Deployment", "InferenceService")]:
                if self.objects[kind, name]["metadata"]["labels"]["lifecycle/version"] == version:
                    self._act(kind, name)

    # The API.

    def handle(self, method: str, target: str, content_type: str, body: bytes) -> tuple[int, Any]:
        split = urlsplit(target)
        options = {key: values[0] for key, values in parse_qs(split.query, strict_parsing=bool(split.query)).items()}
        assert set(options) <= OPTIONS, f"unknown parameters {options}"
        with self.lock:
            self.calls.append(f"{method} {split.path}")
            if "/proxy/" in split.path:
                return self._metrics(method, split.path)
            collection = split.path if split.path in KINDS else split.path.rpartition("/")[0]
            assert collection in KINDS, f"unknown path {split.path}"
            api_version, kind = KINDS[collection]
            name = "" if collection == split.path else split.path.rpartition("/")[2]
            sent: Manifest = json.loads(body) if body else {}
            if sent and method != "DELETE":
                assert (sent["apiVersion"], sent["kind"]) == (api_version, kind)
            match method, content_type:
                case "GET", _:
                    return self._get(kind, name, options)
                case "POST", "application/json":
                    return self._create(kind, sent)
                case "PATCH", "application/apply-patch+yaml":
                    assert options == {"fieldManager": "lifecycle", "force": "true"}
                    assert "resourceVersion" not in sent["metadata"]
                    return self._write(kind, name, sent, apply=True)
                case "PATCH", "application/merge-patch+json":
                    return self._write(kind, name, sent, apply=False)
                case "DELETE", "application/json":
                    return self._delete(kind, name)
            raise AssertionError(f"{method} as {content_type}")

    def _get(self, kind: str, name: str, options: dict[str, str]) -> tuple[int, Any]:
        if name:
            found = self.objects.get((kind, name))
            return (404, _status(404)) if found is None else (200, found)
        assert kind == "Pod", "nothing but pods is listed"
        selector = options.get("labelSelector")
        wanted = dict(pair.split("=") for pair in selector.split(",")).items() if selector else {}.items()
        return 200, {"items": [pod.manifest for pod in self.pods.values() if wanted <= pod.manifest["metadata"]["labels"].items()]}

    def _create(self, kind: str, sent: Manifest) -> tuple[int, Any]:
        key = (kind, sent["metadata"]["name"])
        if key in self.objects:
            return 409, _status(409)
        self._keep(key, {}, sent)
        return 201, self.objects[key]

    def _write(self, kind: str, name: str, sent: Manifest, *, apply: bool) -> tuple[int, Any]:
        found = self.objects.get((kind, name))
        if found is None and not apply:
            return 404, _status(404)
        held = sent["metadata"].pop("resourceVersion", None)
        if held is not None and found is not None and held != found["metadata"]["resourceVersion"]:
            return 409, _status(409)
        self._keep((kind, name), found or {}, _merged(found or {}, sent))
        return 200, self.objects[kind, name]

    def _delete(self, kind: str, name: str) -> tuple[int, Any]:
        if self.objects.pop((kind, name), None) is None:
            return 404, _status(404)
        for uid in [uid for uid, pod in self.pods.items() if pod.owner == (kind, name)]:
            del self.pods[uid]
            if self.logs is not None:
                self.logs.end(uid)
        return 200, _status(200)

    def _metrics(self, method: str, path: str) -> tuple[int, Any]:
        assert method == "GET"
        name, _, rest = path.removeprefix("/api/v1/namespaces/lifecycle/pods/").partition("/")
        assert rest == "proxy/metrics", path
        pod = next((pod for pod in self.pods.values() if f"{pod.manifest['metadata']['name']}:8470" == name), None)
        if pod is None:
            return 404, _status(404)
        arm = ArmMetrics("credit", pod.version, "champion", 1.0, pod.counts)
        return 200, exposition([arm], [ModelMetrics("credit", epoch=1)])

    # The controllers.

    def touch(self, kind: str, name: str, **labels: str) -> None:
        """Somebody else writes into an object."""
        with self.lock:
            found = self.objects[kind, name]
            found["metadata"]["labels"].update(labels)
            found["metadata"]["resourceVersion"] = str(next(self._revisions))

    def _keep(self, key: tuple[str, str], was: Manifest, now: Manifest) -> None:
        metadata = {**now["metadata"], "namespace": NAMESPACE, "resourceVersion": str(next(self._revisions))}
        changed = was.get("spec") != now.get("spec")
        metadata["generation"] = was.get("metadata", {}).get("generation", 0) + changed
        self.objects[key] = {**now, "metadata": metadata}
        if changed:
            self._act(*key)

    def _act(self, kind: str, name: str) -> None:
        found = self.objects[kind, name]
        generation = found["metadata"]["generation"]
        if kind == "HTTPRoute":
            conditions = [{"type": what, "status": "True", "observedGeneration": generation} for what in ("Accepted", "ResolvedRefs")]
            found["status"] = {"parents": [{"conditions": conditions}]}
        elif kind == "Deployment":
            spec = found["spec"]
            ready = self._start(kind, name, spec["template"]["metadata"]["labels"], spec["replicas"])
            found["status"] = {"observedGeneration": generation, "updatedReplicas": spec["replicas"], "readyReplicas": ready}
        elif kind == "InferenceService":
            predictor = found["spec"]["predictor"]
            ready = self._start(kind, name, {"serving.kserve.io/inferenceservice": name}, predictor["minReplicas"])
            condition = {"type": "Ready", "status": "True" if ready else "False", "message": "the predictor is not ready"}
            found["status"] = {"observedGeneration": generation, "conditions": [condition]}

    def _start(self, kind: str, name: str, labels: dict[str, str], replicas: int) -> int:
        version = self.objects[kind, name]["metadata"]["labels"]["lifecycle/version"]
        ready = version not in self.never_ready
        for number in range(replicas):
            uid = f"{name}-{number}"
            manifest = {
                "metadata": {"name": uid, "uid": f"uid-of-{uid}", "labels": labels},
                "status": {
                    "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
                    "containerStatuses": [{"restartCount": 0}],
                },
            }
            self.pods[uid] = Pod(manifest, (kind, name), version)
            if self.logs is not None:
                self.logs.begin(uid)
        return replicas if ready else 0


def is_ready(pod: Manifest) -> bool:
    return bool(pod["status"]["conditions"][0]["status"] == "True")


def _answered(*, failed: bool) -> CellCounts:
    buckets = (0, 0, 0, 0, 1, *[0] * 8)
    return CellCounts(requests=1, errors=1) if failed else CellCounts(requests=1, latency_sum_us=2_000, latency_buckets=buckets)


def _merged(was: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(was) if isinstance(was, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), value)
    return merged


def _status(code: int) -> Manifest:
    return {"kind": "Status", "apiVersion": "v1", "code": code}


@contextmanager
def served(server: ApiServer) -> Iterator[kubernetes.client.ApiClient]:
    """The server on a port of this machine; gives a client of it. What it did not know fails at the end."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *said: Any) -> None:
            """Says nothing."""

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if server.down:
                return self.reply(503, _status(503))
            try:
                status, said = server.handle(self.command, self.path, self.headers.get("Content-Type", ""), body)
            except (AssertionError, KeyError, ValueError) as error:
                server.wrong.append(f"{self.command} {self.path}: {error!r}")
                return self.reply(400, _status(400))
            if self.command in ("PATCH", "POST") and server.lost_answers:
                server.lost_answers -= 1
                return self.reply(504, _status(504))
            return self.reply(status, said)

        def reply(self, status: int, said: Any) -> None:
            content = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if isinstance(said, bytes) else "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815  # as http.server names them

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
    thread.start()
    configuration = kubernetes.client.Configuration(host=f"http://127.0.0.1:{listening.server_port}")
    configuration.retries = 0
    try:
        with kubernetes.client.ApiClient(configuration) as client:
            yield client
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()
    assert not server.wrong
