"""A published log of another implementation (transparency-dev/tessera) verifies with our code, at every size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle.errors import Tampered
from lifecycle.proofs.merkle import HASH_BYTES, Tree, leaf_hash, verify_consistency, verify_inclusion
from lifecycle.proofs.notes import VerifierKey, open_note

KEY = VerifierKey.parse("example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx")
SIZE = 15


@pytest.fixture(scope="module")
def log(shared_vectors: Callable[[str], Path]) -> Path:
    return shared_vectors("tessera-log")


@pytest.fixture(scope="module")
def entries(log: Path) -> list[bytes]:
    """The entries of the log: in a bundle of tlog-tiles each stands behind its length in two bytes."""
    bundle = (log / "tile" / "entries" / "000.p" / str(SIZE)).read_bytes()
    found: list[bytes] = []
    while bundle:
        length = int.from_bytes(bundle[:2], "big")
        found.append(bundle[2 : 2 + length])
        bundle = bundle[2 + length :]
    return found


def test_the_entries_hash_to_the_tile_that_was_published(log: Path, entries: list[bytes]) -> None:
    """Our leaf hashes are theirs."""
    tile = (log / "tile" / "0" / "000.p" / str(SIZE)).read_bytes()
    assert [tile[at : at + HASH_BYTES] for at in range(0, len(tile), HASH_BYTES)] == [leaf_hash(entry) for entry in entries]


@pytest.mark.parametrize("size", range(SIZE + 1))
def test_the_published_checkpoint_of_every_size_is_signed_and_fits(log: Path, entries: list[bytes], size: int) -> None:
    """Their signature holds, and our root is theirs."""
    checkpoint = open_note((log / f"checkpoint.{size}").read_text(encoding="utf-8"), [KEY])
    assert (checkpoint.size, checkpoint.root_hash) == (size, Tree(leaf_hash(entry) for entry in entries[:size]).root())


def test_our_proofs_lead_to_their_roots(log: Path, entries: list[bytes]) -> None:
    """Every inclusion and consistency proof that we make holds under the roots that they signed."""
    roots = [open_note((log / f"checkpoint.{size}").read_text(encoding="utf-8"), [KEY]).root_hash for size in range(SIZE + 1)]
    tree = Tree(leaf_hash(entry) for entry in entries)
    for size in range(1, SIZE + 1):
        for index in range(size):
            verify_inclusion(leaf_hash(entries[index]), index, size, tree.inclusion_path(index, size), roots[size])
        for old in range(size + 1):
            verify_consistency(old, size, tree.consistency_path(old, size), roots[old], roots[size])


def test_a_changed_byte_in_their_checkpoint_shows(log: Path) -> None:
    """The vectors can fail: another size under the same signature does not hold."""
    note = (log / "checkpoint.15").read_text(encoding="utf-8")
    with pytest.raises(Tampered, match="does not hold"):
        open_note(note.replace("\n15\n", "\n14\n"), [KEY])
