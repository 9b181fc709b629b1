"""What the columns of pruned records said while their bytes were there, as one digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from lifecycle.records.record import Digest


class ColumnsDigest:
    """The digest of what the columns of some records say, fed in the order of the ledger.

    A line of JSON each: the index and the values of EVENT_COLUMNS. Where bytes are pruned it binds all that is left to say what they were.
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def take(self, index: object, columns: Sequence[object]) -> None:
        """Takes a record in, whatever its columns have become."""
        line = json.dumps([index, *columns], ensure_ascii=False, separators=(",", ":"), default=repr)
        self._hash.update(line.encode("utf-8", errors="backslashreplace") + b"\n")

    @property
    def digest(self) -> Digest:
        return f"sha256:{self._hash.hexdigest()}"
