"""A bundle on its way to the servers that decide by it: they fetch it themselves, and say which one they run."""

from __future__ import annotations

import time
from pathlib import Path

from lifecycle import durable
from lifecycle.errors import Unavailable
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.engine import EngineFailure
from lifecycle.policy.server import ServerEngine

_PAUSE_SECONDS = 0.25


def ship(archive: bytes, url: str) -> None:
    """Puts an archive at an address, whole or not at all. Raises Unavailable where it can't be written."""
    from fsspec.core import url_to_fs

    try:
        files, path = url_to_fs(url)
        if "file" in (files.protocol if isinstance(files.protocol, tuple) else (files.protocol,)):
            # Whoever may write beside it has no say in what lies there: the name in between is not to be guessed.
            durable.replace(Path(path), archive, mode=0o644)
        else:
            files.pipe_file(path, archive)
    # Each object store behind fsspec has errors of its own, which share no root.
    except Exception as error:
        raise Unavailable(f"The bundle can't be written to {url}: {error}.", "Check the address, and that you may write there.") from error


def await_revision(url: str, token: str | None, bundle: Bundle, *, ca_file: str | None, seconds: float) -> None:
    """Returns once the server decides by this bundle. Raises Unavailable where it does not within the time."""
    gate, good = next(iter(bundle.canaries.items()))
    deadline = time.monotonic() + seconds
    why = "it is not ready"
    while True:
        try:
            ServerEngine(url, token, bundle, ca_file=ca_file).answer(gate, good.as_json())
        except (EngineFailure, Unavailable) as error:
            why = error.what
        else:
            return
        if time.monotonic() > deadline:
            raise Unavailable(
                f"The server at {url} does not decide by {bundle.revision} after {seconds:g} s: {why}",
                "See that it fetches its bundle from there, and with the key that signed it.",
            )
        time.sleep(_PAUSE_SECONDS)
