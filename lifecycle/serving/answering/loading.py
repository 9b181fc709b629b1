"""A graph on its way from the cache into ONNX Runtime, while the same process goes on answering.

What would hold up every answer is left out: bytes of a whole graph in Python, which take 10 ms for 160 MB to be freed alone, and ONNX
Runtime's parsing of bytes, in which Python stands still for 100 ms. The graph is copied, in pieces, into a file in memory that is
sealed then; what is sealed is hashed, and what was hashed is loaded.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from lifecycle.errors import Tampered
from lifecycle.records.manifest import ManifestFile
from lifecycle.records.record import Digest
from lifecycle.serving.allowed.packages import missing, part_of, read_file, require_recorded

#: A graph is copied in pieces of this many bytes.
_PIECE = 1 << 20
_SEALS = "F_SEAL_WRITE", "F_SEAL_GROW", "F_SEAL_SHRINK", "F_SEAL_SEAL"


class Session(Protocol):
    """The part of an ONNX Runtime session that is used."""

    def run(self, outputs: list[str], inputs: dict[str, Any], /) -> list[Any]: ...


def load_graph(folder: Path, file: ManifestFile, digest: Digest) -> Session:
    """A session over the graph of a package. Raises Tampered where its bytes are not the recorded ones, or can't be loaded."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    with sealed_graph(folder, file) as graph:
        try:
            session: Session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's errors share no root
            raise Tampered(
                f"The graph of {digest} can't be loaded: {type(error).__name__}.", "Train and evaluate that version again."
            ) from error
    return session


@contextmanager
def sealed_graph(folder: Path, file: ManifestFile) -> Iterator[str | bytes]:
    """The recorded bytes as a file that nobody can change any more; or as bytes, where the system has no such files. Raises Tampered."""
    if not hasattr(os, "memfd_create"):
        yield read_file(folder, file)
        return
    with os.fdopen(os.memfd_create("graph", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING), "w+b", buffering=0) as held:
        _copy(part_of(folder, file), held.fileno(), file)
        seals = 0
        for name in _SEALS:
            seals |= getattr(fcntl, name)
        fcntl.fcntl(held.fileno(), fcntl.F_ADD_SEALS, seals)
        held.seek(0)
        require_recorded(file, os.fstat(held.fileno()).st_size, f"sha256:{hashlib.file_digest(held, 'sha256').hexdigest()}")
        yield f"/proc/self/fd/{held.fileno()}"


def _copy(source: Path, held: int, file: ManifestFile) -> None:
    piece = memoryview(bytearray(_PIECE))
    try:
        with source.open("rb", buffering=0) as opened:
            while taken := opened.readinto(piece):
                left = piece[:taken]
                while left:
                    left = left[os.write(held, left) :]
    except OSError as error:
        raise missing(file.path, error) from error
