"""What others said to have seen of the log, as files of a pack: ledger checkpoints with their cosignatures, and time stamps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lifecycle.records.record import JsonObject, Microseconds


class Receipt(Protocol):
    """That somebody outside has seen a ledger checkpoint."""

    @property
    def anchor(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def at_us(self) -> Microseconds: ...
    @property
    def note(self) -> str: ...
    @property
    def receipt(self) -> bytes: ...


@dataclass
class AnchorFiles:
    """The files by their path; which of them are signed notes; and of each time stamp what it is on."""

    files: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    stamps: list[JsonObject] = field(default_factory=list)


def anchor_files(receipts: Sequence[Receipt], size: int) -> AnchorFiles:
    """The receipts for ledger checkpoints of up to this size. What several witnesses cosigned is one note with all their lines."""
    found = AnchorFiles()
    cosigned: dict[str, bytes] = {}
    for receipt in (one for one in receipts if one.size <= size):
        if receipt.kind == "witness":
            cosigned[receipt.note] = cosigned.get(receipt.note, receipt.note.encode()) + receipt.receipt
        elif receipt.kind == "timestamp":
            number = len(found.stamps) + 1
            note, stamp = f"anchors/{receipt.size:06}-stamp-{number}.checkpoint", f"anchors/{receipt.size:06}-stamp-{number}.tsr"
            found.files |= {note: receipt.note.encode(), stamp: receipt.receipt}
            found.notes.append(note)
            found.stamps.append({"note": note, "receipt": stamp, "anchor": receipt.anchor, "at_us": receipt.at_us})
    for number, (_, content) in enumerate(sorted(cosigned.items()), 1):
        path = f"anchors/cosigned-{number}.checkpoint"
        found.files[path] = content
        found.notes.append(path)
    return found
