"""A heavy version is loaded while another one answers: nobody fails over it, and how long the slowest waited is said with
`--log-cli-level=INFO`."""

from __future__ import annotations

import logging
import os
import threading
import time
import tracemalloc
from pathlib import Path

import pytest

from lifecycle.errors import Tampered
from lifecycle.records.manifest import FILE_NAMES, ManifestFile
from lifecycle.records.record import digest_of
from lifecycle.serving.allowed.packages import MODEL_FOLDER, part_of, read_manifest
from lifecycle.serving.answering.loading import load_graph, sealed_graph
from tests.serving.packages import pack
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
def test_what_is_loaded_can_not_be_changed_after_it_was_hashed(tmp_path: Path) -> None:
    """A graph is loaded as the bytes that were hashed: nobody who holds its file can write into it, or make it longer or shorter."""
    folder, file = packed(tmp_path, b"the graph")
    with sealed_graph(folder, file) as given:
        assert Path(str(given)).read_bytes() == b"the graph"
        with pytest.raises(PermissionError), Path(str(given)).open("r+b", buffering=0) as opened:
            opened.write(b"another")
        for size in (0, 1_000):
            with pytest.raises(PermissionError):
                os.truncate(str(given), size)
        part_of(folder, file).write_bytes(b"another")
        assert Path(str(given)).read_bytes() == b"the graph"
    assert not Path(str(given)).exists()


@pytest.mark.parametrize("lies", [b"the grapH", b"the graph!", b"the grap", b""])
def test_attack_a_graph_that_was_swapped_in_the_cache_is_not_loaded(tmp_path: Path, lies: bytes) -> None:
    """Other bytes, more of them, fewer, or none: what was recorded is what is loaded, or nothing is."""
    folder, file = packed(tmp_path, b"the graph")
    part_of(folder, file).write_bytes(lies)
    with pytest.raises(Tampered, match="not the file that was allowed"), sealed_graph(folder, file):
        pass
    part_of(folder, file).unlink()
    with pytest.raises(Tampered, match="is missing"), sealed_graph(folder, file):
        pass


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="this system has no files in memory")
def test_a_heavy_graph_never_lies_in_python_as_a_whole(tmp_path: Path) -> None:
    """To free 160 MB of bytes Python stands still for 10 ms, and every answer with it: they are handed on in pieces of a megabyte."""
    model = pack(tmp_path / "heavy", behaviour="heavy")
    folder = tmp_path / "package"
    folder.mkdir()
    model.folder.rename(folder / MODEL_FOLDER)
    parts = {file.part: file for file in read_manifest(folder, model.digest).files}
    graph = parts["graph"]
    assert graph.size > 100 << 20
    load_graph(folder, graph, model.digest)
    tracemalloc.start()
    try:
        load_graph(folder, graph, model.digest)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 8 << 20


def packed(home: Path, graph: bytes) -> tuple[Path, ManifestFile]:
    """A package that has this graph, and what is recorded of it."""
    file = ManifestFile(part="graph", path=FILE_NAMES["graph"], digest=digest_of(graph), size=len(graph))
    part_of(home, file).parent.mkdir()
    part_of(home, file).write_bytes(graph)
    return home, file
