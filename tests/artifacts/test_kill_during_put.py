"""A process that dies while it stores something."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

from lifecycle.artifacts.store import ArtifactStore
from lifecycle.records.record import digest_of

WRITER = """
    import sys, time
    from pathlib import Path
    from lifecycle.artifacts.backends import FolderBackend

    def chunks():
        yield b"first half, "
        print("half way", flush=True)
        time.sleep(60)
        yield b"second half"

    FolderBackend(Path(sys.argv[1])).write(sys.argv[2], chunks())
"""


def test_a_writer_killed_half_way_leaves_no_artifact(tmp_path: Path) -> None:
    """After kill -9 in the middle of a write the artifact is absent, and the next writer stores it whole."""
    store = ArtifactStore(str(tmp_path / "artifacts"), cache=tmp_path / "cache")
    whole = b"first half, second half"
    digest, name = digest_of(whole), digest_of(whole).removeprefix("sha256:")
    key = f"sha256/{name[:2]}/{name[2:4]}/{name}"
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(tmp_path / "artifacts"), key], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "half way\n"
        writer.send_signal(signal.SIGKILL)
    assert not store.has(digest)
    assert store.put(whole) == digest
    assert store.read(digest) == whole
