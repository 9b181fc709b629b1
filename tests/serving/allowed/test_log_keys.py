"""Whose ledger a gateway believes, after the ledger has changed its key and while it can't be asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.errors import Tampered
from lifecycle.proofs.inclusion import proven_leaf
from lifecycle.proofs.merkle import leaf_hash
from lifecycle.proofs.notes import Checkpoint, SigningKey, sign
from lifecycle.proofs.rotation import Rotation, changes_as_text, changes_in
from lifecycle.records.rollout import LedgerProof
from lifecycle.serving.allowed.log_keys import LogKeys
from tests.proofs.test_rotation import NEW, OLD, THIEF, change, leaf


def proof(size: int, key: SigningKey) -> LedgerProof:
    """Of the only leaf of a log that says that it has this many."""
    assert size == 1
    return LedgerProof(index=0, leaf="bGVhZg==", path=(), checkpoint=sign(Checkpoint(key.name, 1, leaf_hash(b"leaf")), key))


def laid_down(folder: Path, *changes: Rotation) -> Path:
    file = folder / "ledger.changes"
    file.write_text(changes_as_text([(index, leaf(found)) for index, found in enumerate(changes)]), encoding="utf-8")
    return file


def test_a_file_of_changes_is_read_back_as_it_was_written() -> None:
    """Every leaf under its index."""
    leaves = [(3, leaf(change(OLD, NEW, 4, 5))), (9, b"\x00")]
    assert changes_in(changes_as_text(leaves)) == leaves


def test_without_changes_the_given_key_is_believed(tmp_path: Path) -> None:
    """With no file, and with one that is damaged."""
    damaged = tmp_path / "damaged"
    damaged.write_text("hello", encoding="utf-8")
    for file in (None, tmp_path / "none", damaged):
        assert LogKeys(OLD.verifier, file).now() == (OLD.verifier,)


def test_a_gateway_follows_the_key_both_ways(tmp_path: Path) -> None:
    """Given the old key it believes the new one, and given the new one what the old one signed while it was in office."""
    file = laid_down(tmp_path, change(OLD, NEW, 1, 0))
    assert proven_leaf(proof(1, NEW), LogKeys(OLD.verifier, file).now())[0] == b"leaf"
    file = laid_down(tmp_path, change(OLD, NEW, 2, 1))
    assert proven_leaf(proof(1, OLD), LogKeys(NEW.verifier, file).now())[0] == b"leaf"


def test_a_key_that_left_signs_nothing_more(tmp_path: Path) -> None:
    """A proof by whoever kept the old key is refused."""
    with pytest.raises(Tampered, match="does not sign checkpoints of that size"):
        proven_leaf(proof(1, OLD), LogKeys(OLD.verifier, laid_down(tmp_path, change(OLD, NEW, 1, 0))).now())


def test_nobody_takes_a_gateway_over_by_writing_the_file(tmp_path: Path) -> None:
    """A change that the given key did not sign is none."""
    keys = LogKeys(OLD.verifier, laid_down(tmp_path, change(THIEF, NEW, 1, 0))).now()
    assert keys == (OLD.verifier,)
    with pytest.raises(Tampered):
        proven_leaf(proof(1, NEW), keys)
