"""What the gateway costs beside the model itself: the same model on bare Starlette and eager torch, one worker each.

A life of the credit model is lived first, so that what serves was trained, evaluated, signed, approved and rolled out. Then the
gateway and the baseline (`bench.rigs.bare_starlette`) answer the same applications in turn, over one connection and over 32. The
gateway does all that it always does: its input is checked, requests are routed and counted, and every row is in the prediction
log before its answer leaves. The baseline does none of it.

- `throughput_c32_vs_starlette`, `p50_c1_vs_starlette`: requests answered over 32 connections, and the median over one, against the
  baseline's.
- `throughput_c32_audit_vs_written`, `p50_c1_audit_vs_written`, `…best_effort…`: the same package on gateways that keep its rows as its
  plan may declare (`log_grade`), against one that writes them before it answers, as it does unless a plan says otherwise.
- `hot_load_slowest_ms`: the slowest answer while a version of 160 MB takes over from one as heavy, under paced traffic, beside
  `hot_load_slowest_without_ms`, the same traffic when nothing is loaded (`bench.rigs.hot_load`).
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.measuring import REPOSITORY, Figures, main
from bench.rigs.graded import graded
from bench.rigs.hot_load import hot_load
from bench.rigs.side_by_side import MANY, Measured, Server, in_turn

MODEL = "credit"
PATH = f"/v2/models/{MODEL}/infer"
#: So many different applications are sent, over and over.
APPLICATIONS = 512


def lifecycle(home: Path, *arguments: str) -> None:
    """One verb of the command line, in a home."""
    environment = os.environ | {"LIFECYCLE_HOME": str(home), "LIFECYCLE_PROJECT": str(REPOSITORY), "DAGSTER_DISABLE_TELEMETRY": "yes"}
    subprocess.run([sys.executable, "-m", "lifecycle.cli.main", *arguments], env=environment, check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def gateway(home: Path, workers: int) -> Iterator[int]:
    """The gateway of a home, with so many workers; its port."""
    from lifecycle.wiring import Departments

    lifecycle(home, "gateway", "stop")
    lifecycle(home, "gateway", "start", "--workers", str(workers), "--port", "0")
    try:
        yield urlsplit(Departments.here(make=False).gateway.status().url).port or 0
    finally:
        lifecycle(home, "gateway", "stop")


@contextlib.contextmanager
def baseline(package: Path) -> Iterator[int]:
    """Bare Starlette with the model of a package; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        descriptor, port = listener.fileno(), int(listener.getsockname()[1])
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.rigs.bare_starlette", str(package), str(descriptor)], cwd=REPOSITORY, pass_fds=(descriptor,)
        )
        try:
            yield port
        finally:
            process.terminate()
            process.wait(30)


@dataclass(frozen=True)
class Serving:
    """What serves in a home: its files, and applications that it never learnt from, each as one request of the protocol."""

    package: Path
    bodies: list[bytes]

    @classmethod
    def of(cls, home: Path) -> Serving:
        from lifecycle.demo.acting import held_out
        from lifecycle.demo.traffic import infer_request
        from lifecycle.serving.allowed.packages import MODEL_FOLDER
        from lifecycle.serving.folder import GatewayFolder
        from lifecycle.wiring import Departments

        departments = Departments.here(make=False)
        champion = next(arm for model in departments.gateway.status().models for arm in model.versions if arm.arm == "champion")
        folder = GatewayFolder(home / "gateway").package(MODEL, champion.version, champion.digest)
        bodies = [infer_request(one).encode() for one in held_out(departments, champion.version)[:APPLICATIONS]]
        return cls(folder / MODEL_FOLDER, bodies)


def bench(rounds: int, seconds: int) -> Figures:
    """What the gateway costs beside the model itself, what keeping rows more surely costs, and what callers feel of a heavy version."""
    with side_by_side() as (serving, servers):
        measured = in_turn(servers, rounds, seconds)
        with graded(serving.package, MODEL) as ports:
            grades = in_turn({name: Server(port, PATH, serving.bodies) for name, port in ports.items()}, rounds, seconds)
    return {
        **against(measured["gateway"], measured["starlette"], "vs_starlette"),
        **against(grades["audit"], grades["written"], "audit_vs_written"),
        **against(grades["best_effort"], grades["written"], "best_effort_vs_written"),
        **hot_load(rounds),
        **{name: one.as_json() for name, one in measured.items()},
        "grades": {name: one.as_json() for name, one in grades.items()},
        "connections": MANY,
        "seconds": seconds,
    }


def against(ours: Measured, theirs: Measured, name: str) -> Figures:
    """How often as many requests over many connections, and what part of the median over one."""
    return {
        f"throughput_c32_{name}": round(ours.per_second / theirs.per_second, 3),
        f"p50_c1_{name}": round(ours.c1_p50_ms / theirs.c1_p50_ms, 3),
    }


@contextlib.contextmanager
def side_by_side() -> Iterator[tuple[Serving, dict[str, Server]]]:
    """What serves after a life, and the gateway and bare Starlette that serve it; both answer."""
    with tempfile.TemporaryDirectory(prefix="bench-serving-") as scratch:
        home = Path(scratch) / "home"
        os.environ |= {"LIFECYCLE_HOME": str(home), "LIFECYCLE_PROJECT": str(REPOSITORY), "DAGSTER_DISABLE_TELEMETRY": "yes"}
        lifecycle(home, "demo")
        serving = Serving.of(home)
        with gateway(home, 1) as ours, baseline(serving.package) as theirs:
            servers = {name: Server(port, PATH, serving.bodies) for name, port in (("gateway", ours), ("starlette", theirs))}
            for server in servers.values():
                server.await_answer()
            yield serving, servers


if __name__ == "__main__":
    main("serving", bench, rounds=5, seconds=(3, "how long each round of load lasts"))
