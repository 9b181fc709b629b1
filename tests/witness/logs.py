"""A log that grows in memory, and a witness of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lifecycle.proofs.cosignatures import WitnessSigner
from lifecycle.proofs.merkle import Tree, leaf_hash
from lifecycle.proofs.notes import Checkpoint, SigningKey, VerifierKey, sign
from lifecycle.proofs.signature_lines import encode
from lifecycle.witness.deciding import Witness
from lifecycle.witness.memory import WitnessMemory

LOG = SigningKey("example.org/ledger", bytes(range(32)))
SIGNER = WitnessSigner("witness.example/w1", bytes(range(1, 33)))
NOW = 1_700_000_000


class GrowingLog:
    """Leaves, and the notes over any beginning of them."""

    def __init__(self, count: int, *, past: str = "leaf", key: SigningKey = LOG) -> None:
        self.tree = Tree(leaf_hash(f"{past} {number}".encode()) for number in range(count))
        self._key = key

    def checkpoint(self, size: int) -> Checkpoint:
        return Checkpoint(self._key.name, size, self.tree.root(size))

    def note(self, size: int) -> str:
        return sign(self.checkpoint(size), self._key)

    def request(self, old: int, size: int) -> str:
        """The body of an add-checkpoint."""
        lines = "".join(f"{encode(sibling)}\n" for sibling in (self.tree.consistency_path(old, size) if old else ()))
        return f"old {old}\n{lines}\n{self.note(size)}"


def witness_at(folder: Path, *keys: VerifierKey, now: Callable[[], int] = lambda: NOW) -> Witness:
    """A witness of the log, or of these keys' logs, whose clock stands still unless it is given one."""
    logs: dict[str, list[VerifierKey]] = {}
    for key in keys or (LOG.verifier,):
        logs.setdefault(key.name, []).append(key)
    return Witness(SIGNER, logs, WitnessMemory(folder), now)
