"""Proof files: they have the form of C2SP, are read back as written, and prove nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.errors import LifecycleError, MalformedRecord, Tampered
from lifecycle.proofs.merkle import Tree, leaf_hash
from lifecycle.proofs.notes import Checkpoint, SigningKey, sign
from lifecycle.proofs.signature_lines import encode
from lifecycle.proofs.tlog_proof import TlogProof

LOG = SigningKey("example.org/ledger", bytes(range(32)))
LEAVES = [f"leaf {number}".encode() for number in range(11)]
TREE = Tree(leaf_hash(leaf) for leaf in LEAVES)
NOTE = sign(Checkpoint(LOG.name, TREE.size, TREE.root()), LOG)
PROOF = TlogProof(4, TREE.inclusion_path(4), NOTE)


def test_the_file_has_the_form_of_c2sp() -> None:
    """A header, the index, one hash a line from the leaf up, an empty line, and the note verbatim."""
    lines = str(PROOF).split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 4"]
    assert lines[2 : 2 + len(PROOF.path)] == [encode(sibling) for sibling in PROOF.path]
    assert str(PROOF).endswith("\n\n" + NOTE)


@pytest.mark.parametrize("index", range(len(LEAVES)))
def test_every_leaf_is_proven_by_its_file(index: int) -> None:
    """What was written is read back and holds, under the log's key."""
    proof = TlogProof.parse(str(TlogProof(index, TREE.inclusion_path(index), NOTE)))
    assert proof.verify(LEAVES[index], [LOG.verifier]).size == len(LEAVES)


def test_another_leaf_is_not_proven_by_it() -> None:
    """Neither other bytes, nor a leaf at another place."""
    for leaf in (b"forged", LEAVES[5]):
        with pytest.raises(Tampered):
            PROOF.verify(leaf, [LOG.verifier])


def test_a_tree_of_one_leaf_needs_no_hash() -> None:
    """The file then has no line between the index and the note."""
    note = sign(Checkpoint(LOG.name, 1, leaf_hash(b"only")), LOG)
    proof = TlogProof(0, (), note)
    assert TlogProof.parse(str(proof)) == proof
    assert proof.verify(b"only", [LOG.verifier]).size == 1


def test_extra_data_is_carried_and_not_trusted() -> None:
    """It is read back as it was put in."""
    proof = TlogProof(4, PROOF.path, NOTE, extra=b"anything")
    assert str(proof).split("\n")[1] == "extra YW55dGhpbmc="
    assert TlogProof.parse(str(proof)) == proof


@given(at=st.integers(0, len(str(PROOF)) - 1), change=st.integers(1, 120))
def test_no_changed_character_goes_unnoticed(at: int, change: int) -> None:
    """Header, index, hashes or note."""
    text = str(PROOF)
    with pytest.raises(LifecycleError):
        TlogProof.parse(text[:at] + chr(ord(text[at]) + change) + text[at + 1 :]).verify(LEAVES[4], [LOG.verifier])


@given(text=st.text(max_size=300))
def test_text_that_is_no_proof_is_refused_and_never_crashes(text: str) -> None:
    """Anything at all ends in an error of ours."""
    with pytest.raises(MalformedRecord):
        TlogProof.parse(text)


@pytest.mark.parametrize(
    "line",
    ["index 04", "index -1", "index", "index 4\nAAAA", "index 4\n" + "\n".join([encode(bytes(32))] * 64)],
    ids=lambda line: line[:12],
)
def test_a_malformed_head_is_refused(line: str) -> None:
    """One spelling of the index, hashes of 32 bytes, and no more of them than any tree needs."""
    with pytest.raises(MalformedRecord):
        TlogProof.parse(f"c2sp.org/tlog-proof@v1\n{line}\n\n{NOTE}")
