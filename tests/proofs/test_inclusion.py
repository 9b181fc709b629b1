"""A ledger proof is believed for what it proves, and for nothing else."""

from __future__ import annotations

import base64

import pytest

from lifecycle.errors import MalformedRecord, Tampered
from lifecycle.proofs.inclusion import proven_leaf
from lifecycle.proofs.merkle import Tree, leaf_hash
from lifecycle.proofs.notes import Checkpoint, SigningKey, sign
from lifecycle.records.rollout import LedgerProof

KEY = SigningKey.generate("example.org/ledger")
RECORDS = [f"record {number}".encode() for number in range(6)]


def proof_of(index: int) -> LedgerProof:
    tree = Tree(leaf_hash(record) for record in RECORDS)
    return LedgerProof(
        index=index,
        leaf=base64.b64encode(RECORDS[index]).decode(),
        path=tuple(base64.b64encode(sibling).decode() for sibling in tree.inclusion_path(index)),
        checkpoint=sign(Checkpoint(KEY.name, tree.size, tree.root()), KEY),
    )


@pytest.mark.parametrize("index", range(len(RECORDS)))
def test_a_proof_opens_to_the_record(index: int) -> None:
    """The bytes of the record and the signed checkpoint come back."""
    leaf, checkpoint = proven_leaf(proof_of(index), [KEY.verifier])
    assert (leaf, checkpoint.size) == (RECORDS[index], len(RECORDS))


@pytest.mark.parametrize(
    "change",
    [
        {"leaf": base64.b64encode(b"another record").decode()},
        {"index": 3},
        {"index": 99},
        {"path": ()},
        {"checkpoint": sign(Checkpoint(KEY.name, 6, bytes(32)), KEY)},
        {"checkpoint": sign(Checkpoint("other", 6, bytes(32)), SigningKey.generate("other"))},
    ],
)
def test_a_proof_with_anything_changed_is_refused(change: dict[str, object]) -> None:
    """Another leaf, index, path, root or log: none passes."""
    with pytest.raises(Tampered):
        proven_leaf(proof_of(2).model_copy(update=change), [KEY.verifier])


def test_a_proof_that_is_not_base64_is_refused() -> None:
    """Garbage is an error of ours."""
    with pytest.raises(MalformedRecord, match="base64"):
        proven_leaf(proof_of(2).model_copy(update={"leaf": "§"}), [KEY.verifier])
