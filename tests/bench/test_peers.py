"""The other servers that are measured: what they are installed from, and that none is left out in silence."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from bench.peers import environments
from bench.peers.__main__ import table
from bench.peers.catalogue import PEERS, Peer
from bench.peers.environments import LOCKS, NotMeasured, interpreter
from bench.peers.running import numbers_in, served
from bench.rigs.load import is_whole

PACKAGES = sorted({peer.package for peer in PEERS})
LITSERVE = next(peer for peer in PEERS if peer.package == "litserve")
_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_the_peers_are_those_of_the_locks_and_the_programs(repository: Path) -> None:
    """Each has a lock, what that was made from, and a program; and there is no other."""
    programs = {path.stem for path in (repository / "bench" / "peers" / "served").glob("*.py")}
    assert {path.stem for path in LOCKS.glob("*.lock")} == {path.stem for path in LOCKS.glob("*.in")} == set(PACKAGES)
    assert programs - {"__init__", "becoming", "network"} == set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_peers_lock_has_its_version_and_every_hash_and_no_address(package: str) -> None:
    """The version asked for is the one that is pinned, and nothing is installed whose bytes were not seen."""
    lock = (LOCKS / f"{package}.lock").read_text(encoding="utf-8")
    asked = re.sub(r"\[[a-z]+\]", "", (LOCKS / f"{package}.in").read_text(encoding="utf-8").splitlines()[0])
    blocks = re.split(r"\n(?=[a-z0-9])", lock)
    assert asked.startswith(f"{package}==")
    assert [block for block in blocks if "--hash=sha256:" not in block or "==" not in block.splitlines()[0]] == []
    assert re.search(rf"^{re.escape(package)}(\[[a-z]+\])?=={re.escape(asked.partition('==')[2])} ", lock, re.MULTILINE)
    assert "://" not in lock


def test_every_peer_has_its_defaults_in_the_table() -> None:
    """What is set otherwise stands beside the defaults, never instead of them."""
    assert {peer.package for peer in PEERS if not peer.setting} == set(PACKAGES)
    assert len({peer.name for peer in PEERS}) == len(PEERS)


def test_a_peer_that_cannot_be_installed_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The installer's last words, and the next attempt starts anew."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setattr(environments, "LOCKS", tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    (tmp_path / "act.lock").write_text("act==1.0 --hash=sha256:" + 64 * "0" + "\n", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(NotMeasured, match="No matching distribution"):
            interpreter("act")
    assert not (environments.cache() / "act" / "made-from").exists()


def test_an_environment_is_made_once_for_each_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands until its lock changes or its Python is gone; then nothing of the old one is left."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setattr(environments, "LOCKS", tmp_path)
    lock = tmp_path / "act.lock"
    lock.write_text("# nothing\n", encoding="utf-8")
    kept = interpreter("act").parent.parent / "kept"
    kept.touch()
    assert interpreter("act").is_file()
    assert kept.is_file()
    lock.write_text("# nothing more\n", encoding="utf-8")
    python = interpreter("act")
    assert python.is_file()
    assert not kept.exists()
    python.unlink()
    python.symlink_to(tmp_path / "uninstalled")
    assert interpreter("act").is_file()


def test_a_peer_that_does_not_start_says_why(tmp_path: Path) -> None:
    """The last line of what its server wrote: here, that this environment has none of it."""
    server = served(LITSERVE, Path(sys.executable), tmp_path / "model.onnx", tmp_path / "litserve", [[0.0]], [0.5])
    with pytest.raises(NotMeasured, match="It ended: ModuleNotFoundError"), server:
        pytest.fail("There is no LitServe in this environment.")


@pytest.fixture
def impostor(tmp_path: Path) -> Path:
    """An interpreter that serves nothing but one probability, whatever is asked."""
    program = tmp_path / "impostor.py"
    program.write_text(
        "import sys\nfrom http.server import BaseHTTPRequestHandler, HTTPServer\n"
        "class Same(BaseHTTPRequestHandler):\n"
        "    protocol_version = 'HTTP/1.1'\n"
        "    def do_POST(self):\n"
        "        self.rfile.read(int(self.headers['Content-Length']))\n"
        "        said = b'{\"probability\": 0.25}'\n"
        "        self.send_response(200)\n        self.send_header('Content-Length', str(len(said)))\n"
        "        self.end_headers()\n        self.wfile.write(said)\n"
        "HTTPServer(('127.0.0.1', int(sys.argv[4])), Same).serve_forever()\n",
        encoding="utf-8",
    )
    interpreter = tmp_path / "python"
    interpreter.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{program}" "$@"\n', encoding="utf-8")
    interpreter.chmod(0o755)
    return interpreter


def test_a_peer_that_answers_something_else_is_not_measured(tmp_path: Path, impostor: Path) -> None:
    """Only the network's own probabilities count, for every row that will be sent."""
    rows = [[0.0], [1.0]]
    with served(LITSERVE, impostor, tmp_path / "model.onnx", tmp_path / "right", rows, [0.25, 0.25]) as server:
        assert len(server.bodies) == 2
    with (
        pytest.raises(NotMeasured, match="something else"),
        served(LITSERVE, impostor, tmp_path / "model.onnx", tmp_path / "wrong", rows, [0.25, 0.75]),
    ):
        pytest.fail("Its second answer is wrong.")


def test_no_server_outlives_its_measurement(tmp_path: Path, impostor: Path) -> None:
    """Its port is free again."""
    with served(LITSERVE, impostor, tmp_path / "model.onnx", tmp_path / "litserve", [[0.0]], [0.25]) as server:
        server.await_answer()
    with pytest.raises(RuntimeError, match="broke"):
        server.under_load(1, 0.1)


def test_the_table_names_what_is_not_measured() -> None:
    """A peer without figures is a line with its reason."""
    row = {"c1_p50_ms": 0.1, "c1_p99_ms": 0.2, "c32_p50_ms": 1.0, "c32_p99_ms": 2.0, "c32_per_second": 5000, "failed": 0}
    figures = {
        "throughput_c32_vs_gateway": {"gateway": 1.0, "ray max_ongoing_requests=100": 0.02},
        "servers": {"gateway": row, "ray max_ongoing_requests=100": row},
        "versions": {"ray": "2.60.0"},
        "not_measured": {"mlflow": "No matching distribution"},
    }
    lines = table(figures).splitlines()
    assert lines[2].startswith("Ray Serve 2.60.0 max_ongoing_requests=100")
    assert lines[-1] == "MLflow: not measured. No matching distribution"


def test_a_row_is_sent_in_the_form_of_its_peer() -> None:
    """All of them carry the same numbers."""
    assert {tuple(numbers_in(json.loads(peer.body([0.5, -1.25])))) for peer in PEERS} == {(0.5, -1.25)}
    assert isinstance(PEERS[0], Peer)


@pytest.mark.parametrize(
    ("answer", "whole"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", False),
        (_HEAD + b"2\r\n{}\r\n0\r\n\r\n", True),
        (_HEAD + b"2\r\n{}\r\n", False),
        (_HEAD + b"2\r\n{}\r\n0\r\n", False),
    ],
)
def test_an_answer_is_read_to_its_end(answer: bytes, whole: bool) -> None:
    """By its length, or in chunks up to the empty one, as Ray's proxy answers."""
    assert is_whole(answer) is whole
