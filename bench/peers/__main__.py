"""`python -m bench.peers [--json FILE]`: the gateway and bare Starlette beside other servers at their defaults, with a table."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.measuring import Figures, main
from bench.peers.catalogue import PEERS, Features
from bench.peers.environments import NotMeasured, interpreter, version
from bench.peers.running import served
from bench.rigs.side_by_side import MANY, in_turn
from bench.serving import Serving, side_by_side

_COLUMNS = ("c1_p50_ms", "c1_p99_ms", "c32_per_second", "c32_p50_ms", "c32_p99_ms", "failed")


def bench(rounds: int, seconds: int) -> Figures:
    """Other servers at their defaults with the gateway's network: requests over one connection and over 32, all in turn."""
    why_not: dict[str, str] = {}
    versions: dict[str, str] = {}
    with side_by_side() as (serving, servers), contextlib.ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="peers-", ignore_cleanup_errors=True)))
        rows, expected = _features(serving)
        for number, peer in enumerate(PEERS):
            try:
                python = interpreter(peer.package)
                versions[peer.package] = version(python, peer.package)
                server = served(peer, python, serving.package / "model.onnx", folder / str(number), rows, expected)
                servers[peer.name] = running.enter_context(server)
            except NotMeasured as reason:
                why_not[peer.name] = str(reason)
        sizes = {name: round(sum(map(len, server.bodies)) / len(server.bodies)) for name, server in servers.items()}
        measured = in_turn(servers, rounds, seconds)
    ours = measured["gateway"]
    return {
        "throughput_c32_vs_gateway": {name: round(one.per_second / ours.per_second, 3) for name, one in measured.items()},
        "p50_c1_vs_gateway": {name: round(one.c1_p50_ms / ours.c1_p50_ms, 2) for name, one in measured.items()},
        "servers": {name: one.as_json() | {"bytes_a_request": sizes[name]} for name, one in measured.items()},
        "versions": versions,
        "not_measured": why_not,
        "connections": MANY,
        "seconds": seconds,
    }


def _features(serving: Serving) -> tuple[list[Features], list[float]]:
    """The same applications as the numbers that the network takes, and what it says to them.

    The peers are spared the way from an application to numbers, which the gateway and the baseline go with every request.
    """
    from bench.peers.served.network import Network
    from lifecycle.features import Preprocessor

    preprocessor = Preprocessor.parse((serving.package / "preprocessor.json").read_bytes())
    rows = []
    for body in serving.bodies:
        columns = {tensor["name"]: tensor["data"] for tensor in json.loads(body)["inputs"]}
        rows.append([round(float(value), 6) for value in np.asarray(preprocessor.apply(columns))[0]])
    return list(rows), Network(serving.package / "model.onnx").probabilities(rows)


def table(figures: Figures) -> str:
    """The figures as people compare them, and the peers of which there are none, with the reason."""
    versions = figures["versions"]
    titles = {peer.name: " ".join(filter(None, (peer.title, versions.get(peer.package), peer.setting))) for peer in PEERS}
    head = ("server", "of the gateway", *_COLUMNS)
    lines = [head, *(_line(titles.get(name, name), name, figures) for name in figures["servers"])]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    shown = [_aligned(line, widths) for line in lines]
    shown += [f"{titles[name]}: not measured. {reason}" for name, reason in figures["not_measured"].items()]
    return "\n".join(shown)


def _line(title: str, name: str, figures: Figures) -> tuple[str, ...]:
    of_gateway = f"{figures['throughput_c32_vs_gateway'][name]:.3f} ×"
    return (title, of_gateway, *(str(figures["servers"][name][column]) for column in _COLUMNS))


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (
        cell.ljust(width) if not place else cell.rjust(width) for place, (cell, width) in enumerate(zip(line, widths, strict=True))
    )
    return "  ".join((first, *others)).rstrip()


if __name__ == "__main__":
    main("peers", bench, shown=table, rounds=5, seconds=(2, "how long each round of load lasts"))
