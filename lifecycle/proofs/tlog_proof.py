"""Proof files (C2SP tlog-proof v1): the place of one leaf, its inclusion proof, and the ledger checkpoint, as text.

The leaf itself is not in it: whoever verifies has it, and hashes it. The form is a standard's, so that other people's
programs can read it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from lifecycle.errors import MalformedRecord
from lifecycle.proofs.merkle import HASH_BYTES, leaf_hash, verify_inclusion
from lifecycle.proofs.notes import Checkpoint, VerifierKey, open_note
from lifecycle.proofs.signature_lines import decode, encode

#: What such a file is called.
SUFFIX = ".tlog-proof"

_HEADER = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")
#: More hashes than this no tree needs.
_MOST_HASHES = 63


@dataclass(frozen=True)
class TlogProof:
    """Where a leaf stands, and how its hash leads to the root of a signed ledger checkpoint."""

    index: int
    path: tuple[bytes, ...]
    #: The C2SP signed note, with cosignatures or without.
    checkpoint: str
    #: What an application puts beside; nothing authenticates it.
    extra: bytes = b""

    def __str__(self) -> str:
        """The file's text."""
        extra = [f"extra {encode(self.extra)}"] if self.extra else []
        return "\n".join((_HEADER, *extra, f"index {self.index}", *map(encode, self.path), "", self.checkpoint))

    @classmethod
    def parse(cls, text: str) -> Self:
        """A proof from its text. Raises MalformedRecord; looks at no signature."""
        head, separator, checkpoint = text.partition("\n\n")
        lines = head.split("\n")
        if not separator or lines.pop(0) != _HEADER:
            raise _not_a_proof()
        extra = b""
        if lines and lines[0].startswith("extra "):
            extra = decode(lines.pop(0).removeprefix("extra "))
        index = _INDEX.fullmatch(lines.pop(0)) if lines else None
        path = tuple(decode(line) for line in lines)
        if index is None or len(path) > _MOST_HASHES or any(len(sibling) != HASH_BYTES for sibling in path):
            raise _not_a_proof()
        return cls(int(index[1]), path, checkpoint, extra)

    def verify(self, leaf: bytes, keys: Sequence[VerifierKey]) -> Checkpoint:
        """The ledger checkpoint that these bytes stand under, signed with one of these keys.

        Raises Tampered where a signature or the path does not hold, MalformedRecord for what is no note.
        """
        checkpoint = open_note(self.checkpoint, keys)
        verify_inclusion(leaf_hash(leaf), self.index, checkpoint.size, self.path, checkpoint.root_hash)
        return checkpoint


def _not_a_proof() -> MalformedRecord:
    return MalformedRecord("This is not a proof file.", "Pass what `lifecycle ledger prove --out FILE` wrote: a C2SP tlog-proof.")
