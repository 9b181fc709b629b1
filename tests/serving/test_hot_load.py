"""A heavy version is loaded while another one answers: nobody fails over it, and how long the slowest waited is said with
`--log-cli-level=INFO`."""

from __future__ import annotations

import logging
import os
import threading
import time
from pathlib import Path

import pytest

from lifecycle.serving.answering.served import as_file
from tests.serving.running import running_gateway

_LOG = logging.getLogger(__name__)


@pytest.mark.slow
def test_nobody_fails_while_a_heavy_version_is_loaded(tmp_path: Path) -> None:
    """160 MB come in and take over under requests that never pause; each one is answered, by the old version and then by the new."""
    with running_gateway(tmp_path) as gateway:
        gateway.serve(1)
        caller, stop, answers = gateway.caller(), threading.Event(), []

        def ask() -> None:
            while not stop.is_set():
                sent = time.perf_counter()
                status, said = caller.infer()
                answers.append((sent, time.perf_counter() - sent, status, said.get("model_version")))
                time.sleep(0.001)

        gateway.pack(2, behaviour="heavy")
        asking = threading.Thread(target=ask)
        asking.start()
        try:
            before = time.perf_counter()
            gateway.serve(2, behaviour="heavy")
        finally:
            stop.set()
            asking.join()
    assert {status for _, _, status, _ in answers} == {200}
    assert [version for _, _, _, version in answers] == sorted(version for _, _, _, version in answers)
    assert answers[0][3] == "1"
    during = [took for sent, took, _, _ in answers if sent >= before]
    _LOG.info("%d requests while 160 MB were loaded; the slowest took %.1f ms", len(during), 1_000 * max(during))


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="this system has no files in memory")
def test_what_is_loaded_can_not_be_changed_after_it_was_hashed() -> None:
    """A graph is loaded as the bytes that were hashed: nobody who holds its file can write into it, or make it longer or shorter."""
    with as_file(b"the graph") as given:
        assert Path(str(given)).read_bytes() == b"the graph"
        with pytest.raises(PermissionError), Path(str(given)).open("r+b", buffering=0) as file:
            file.write(b"another")
        for size in (0, 1_000):
            with pytest.raises(PermissionError):
                os.truncate(str(given), size)
        assert Path(str(given)).read_bytes() == b"the graph"
    assert not Path(str(given)).exists()
