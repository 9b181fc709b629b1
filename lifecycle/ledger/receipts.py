"""What anchors answered: the receipts that somebody outside has seen a ledger checkpoint, kept beside the leaves.

A receipt proves itself (a time-stamp token, a cosignature) or is a place to look (a folder, a commit); the table only keeps it
where verification finds it. Read and written on the bare driver, like the ledger checkpoints themselves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self, cast, get_args

from lifecycle.errors import Tampered
from lifecycle.ledger.address import Address
from lifecycle.ledger.storage.drivers import answering, connect, spelt
from lifecycle.ledger.verifying.findings import Exposure

AnchorKind = Literal["folder", "git", "timestamp", "witness"]

_COLUMNS = "id, anchor, kind, tree_size, root_hash, at_us, note, receipt"
_ALL = f"SELECT {_COLUMNS} FROM anchors ORDER BY tree_size, at_us, id"  # noqa: S608  # names of columns of ours
_KEEP = f"INSERT INTO anchors ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"  # noqa: S608  # likewise


@dataclass(frozen=True)
class AnchorReceipt:
    """That an anchor saw a ledger checkpoint, and when; `at_us` is the anchor's own time where it has a clock of its own."""

    anchor: str
    kind: AnchorKind
    size: int
    root: bytes
    at_us: int
    #: The signed note as the anchor saw it, byte for byte.
    note: str
    #: A time-stamp response (RFC 3161, DER), cosignature lines, or where the note lies.
    receipt: bytes

    @property
    def id(self) -> str:
        """The same for the same answer, which is kept once."""
        parts = "\n".join((self.anchor, self.kind, str(self.size), self.note))
        return hashlib.sha256(parts.encode() + b"\n" + self.receipt).hexdigest()


class ReceiptBook:
    """The receipts of one ledger. A context manager that closes its connection."""

    def __init__(self, url: str, *, writable: bool = False) -> None:
        """Raises Unavailable where there is no ledger or it does not answer."""
        self._address = Address.parse(url)
        self._connection = connect(self._address, writable=writable)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._connection.close()

    def all(self) -> list[AnchorReceipt]:
        """Every receipt, the smallest ledger first. Raises Tampered for a row that is none."""
        with answering(self._address):
            if not self._stands():
                return []
            return [_receipt_in(row) for row in self._connection.execute(_ALL).fetchall()]

    def keep(self, receipt: AnchorReceipt) -> None:
        """Keeps one; the same one again changes nothing."""
        values = (receipt.id, receipt.anchor, receipt.kind, receipt.size, receipt.root, receipt.at_us, receipt.note, receipt.receipt)
        with answering(self._address):
            self._connection.execute(spelt(_KEEP, self._address), values)

    def _stands(self) -> bool:
        """False for a ledger of before there were anchors."""
        if self._address.file is None:
            return self._connection.execute("SELECT to_regclass('anchors')").fetchone()[0] is not None
        return self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'anchors'").fetchone() is not None


def exposure_of(receipts: Sequence[AnchorReceipt], size: int, now_us: int) -> Exposure | None:
    """What could still be rewritten unseen in a ledger of this size; None where no anchor has ever seen it."""
    if not receipts:
        return None
    last = min(receipts, key=lambda receipt: (-receipt.size, receipt.at_us))
    return Exposure(
        anchor=last.anchor, size=last.size, at_us=last.at_us, leaves_since=max(size - last.size, 0), age_us=max(now_us - last.at_us, 0)
    )


def _receipt_in(row: Sequence[Any]) -> AnchorReceipt:
    _, anchor, kind, size, root, at_us, note, receipt = row
    whole = isinstance(size, int) and isinstance(at_us, int) and isinstance(note, str) and isinstance(anchor, str)
    if not whole or kind not in get_args(AnchorKind) or not isinstance(root, bytes) or not isinstance(receipt, bytes):
        raise Tampered(
            f"A receipt of the anchor {anchor!r} was altered: it is no receipt any more.", "Anchor the ledger again, and find out why."
        )
    return AnchorReceipt(anchor, cast("AnchorKind", kind), size, root, at_us, note, receipt)
