"""An environment for each peer, from its lock: below the caches of whoever runs the bench, never in the project's own."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

LOCKS = Path(__file__).with_name("locks")


class NotMeasured(Exception):
    """A peer that can't be installed or started, and why."""


def cache() -> Path:
    """Where the environments lie: 3 GB when all are there. Deleting it costs nothing but the next installation."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lifecycle-peers"


def interpreter(peer: str) -> Path:
    """The Python of a peer's environment, which is made where there is none of its lock yet.

    Raises NotMeasured with the last words of the installer.
    """
    lock = LOCKS / f"{peer}.lock"
    folder = cache() / peer
    python, made_from = folder / "bin" / "python", folder / "made-from"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    # Its Python is a link to one that may have been replaced since.
    if python.exists() and made_from.is_file() and made_from.read_text(encoding="utf-8") == digest:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    print(f"Installing {peer} in {folder}", file=sys.stderr, flush=True)
    # Without pip of its own, which Debian's Python may not have; the one of this environment installs.
    _run("-m", "venv", "--without-pip", str(folder))
    _run("-m", "pip", "--python", str(python), "install", "--quiet", "--require-hashes", "--no-deps", "--requirement", str(lock))
    made_from.write_text(digest, encoding="utf-8")
    return python


def version(python: Path, peer: str) -> str:
    """What of a peer stands in its environment."""
    asking = f"from importlib.metadata import version; print(version({peer!r}))"
    return subprocess.run([python, "-c", asking], check=True, capture_output=True, text=True).stdout.strip()


def _run(*arguments: str) -> None:
    # Its last words are to be its error, not that there is a newer pip.
    environment = os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run([sys.executable, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise NotMeasured(last_words(done.stdout))


def last_words(said: str) -> str:
    """The last line that a program wrote, of which most programs make their error."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it said nothing"
