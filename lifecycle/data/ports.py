"""What the data department needs of an artifact store, in its own words."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from lifecycle.records.record import Digest


class DatasetStore(Protocol):
    """Bytes by digest. `fetch` gives a local file whose bytes were checked against the digest."""

    def put(self, content: bytes) -> Digest: ...

    def fetch(self, digest: Digest) -> Path: ...
