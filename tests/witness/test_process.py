"""The witness as a process: made, asked over HTTP, stopped, killed."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lifecycle.proofs.cosignatures import WitnessKey
from lifecycle.witness.memory import origin_hash
from tests.witness.logs import LOG, GrowingLog

PROGRAM = (sys.executable, "-m", "lifecycle.witness")


def new_key(folder: Path, repository: Path) -> WitnessKey:
    options = ("new-key", "--name", "witness.example/w1", "--key", str(folder / "witness.key"))
    made = subprocess.run((*PROGRAM, *options), cwd=repository, capture_output=True, text=True, check=True, timeout=60)
    return WitnessKey.parse(made.stdout)


@contextmanager
def running(folder: Path, repository: Path, *logs: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A witness that listens, and its address; stopped when the block ends."""
    known = [option for log in (logs or (str(LOG.verifier),)) for option in ("--log", log)]
    options = ("run", "--key", str(folder / "witness.key"), "--state", str(folder / "state"), *known)
    with subprocess.Popen((*PROGRAM, *options), cwd=repository, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.terminate()
            process.wait(timeout=30)
            if process.stderr is not None:
                process.stderr.read()


def asked(url: str, body: str | None = None) -> tuple[int, str]:
    """The status and the body of a POST, or of a GET without one."""
    request = urllib.request.Request(url, data=None if body is None else body.encode())
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()


def test_a_witness_over_http(tmp_path: Path, repository: Path) -> None:
    """It cosigns, refuses, shows what it cosigned, and ends when it is told to."""
    new_key(tmp_path, repository)
    log = GrowingLog(8)
    with running(tmp_path, repository) as (process, url):
        status, lines = asked(f"{url}/add-checkpoint", log.request(0, 5))
        assert (status, lines[:2]) == (200, "\u2014 ")
        assert asked(f"{url}/add-checkpoint", log.request(0, 8)) == (409, "5\n")
        assert asked(f"{url}/{origin_hash(LOG.name)}/checkpoint")[1].startswith(log.checkpoint(5).text())
        assert asked(f"{url}/{origin_hash('other')}/checkpoint")[0] == 404
        assert asked(f"{url}/elsewhere", "x")[0] == 404
        assert asked(f"{url}/")[0] == 404
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0


def test_a_killed_witness_forgets_nothing(tmp_path: Path, repository: Path) -> None:
    """After kill -9 it still refuses a log with another past."""
    new_key(tmp_path, repository)
    with running(tmp_path, repository) as (process, url):
        assert asked(f"{url}/add-checkpoint", GrowingLog(5).request(0, 5))[0] == 200
        process.kill()
        process.wait(timeout=30)
    with running(tmp_path, repository) as (_, url):
        forged = GrowingLog(9, past="forged")
        assert asked(f"{url}/add-checkpoint", forged.request(0, 9)) == (409, "5\n")
        assert asked(f"{url}/add-checkpoint", forged.request(5, 9))[0] == 422


def test_two_witnesses_do_not_share_a_memory(tmp_path: Path, repository: Path) -> None:
    """The second one says so, and ends."""
    new_key(tmp_path, repository)
    with running(tmp_path, repository):
        options = ("run", "--key", str(tmp_path / "witness.key"), "--state", str(tmp_path / "state"), "--log", str(LOG.verifier))
        second = subprocess.run((*PROGRAM, *options), cwd=repository, capture_output=True, text=True, check=False, timeout=60)
    assert second.returncode == 2
    assert "Another witness uses" in second.stderr


@pytest.mark.parametrize(("mode", "named"), [(0o640, "can be read by others"), (None, "can't be read")])
def test_a_key_that_is_not_its_own_runs_no_witness(tmp_path: Path, repository: Path, mode: int | None, named: str) -> None:
    """A key that may have been copied, and one that is not there."""
    if mode is not None:
        new_key(tmp_path, repository)
        (tmp_path / "witness.key").chmod(mode)
    options = ("run", "--key", str(tmp_path / "witness.key"), "--state", str(tmp_path), "--log", str(LOG.verifier))
    ended = subprocess.run((*PROGRAM, *options), cwd=repository, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode in {2, 5}
    assert named in ended.stderr


def test_a_key_is_never_overwritten(tmp_path: Path, repository: Path) -> None:
    """Making one where one stands is refused."""
    new_key(tmp_path, repository)
    before = (tmp_path / "witness.key").read_bytes()
    with pytest.raises(subprocess.CalledProcessError):
        new_key(tmp_path, repository)
    assert (tmp_path / "witness.key").read_bytes() == before


@pytest.mark.parametrize(("length", "status"), [("²", b"411"), ("9" * 5_000, b"413"), ("-1", b"411"), ("", b"411")])
def test_a_length_that_is_none_is_refused_in_words(tmp_path: Path, repository: Path, length: str, status: bytes) -> None:
    """A hostile Content-Length gets an answer, and the witness goes on."""
    new_key(tmp_path, repository)
    with running(tmp_path, repository) as (_, url):
        host, _, port = url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(f"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: {length}\r\n\r\n".encode())
            assert connection.recv(65_536).split()[1] == status
        assert asked(f"{url}/elsewhere")[0] == 404
