"""The tree against the definitions of RFC 6962, written out as they stand there, and proofs against changes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.errors import MalformedRecord, Tampered
from lifecycle.proofs.merkle import (
    EMPTY_ROOT,
    Frontier,
    Tree,
    consistency_path,
    inclusion_path,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [leaf_hash(str(number).encode()) for number in range(130)]
SIZES = st.integers(min_value=1, max_value=len(LEAVES))


def largest_power_below(n: int) -> int:
    power = 1
    while power * 2 < n:
        power *= 2
    return power


def mth(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, on leaf hashes."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = largest_power_below(len(leaves))
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH of RFC 6962 §2.1.1."""
    if len(leaves) == 1:
        return []
    k = largest_power_below(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: Sequence[bytes], whole: bool) -> list[bytes]:
    """SUBPROOF of RFC 6962 §2.1.2."""
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = largest_power_below(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]


def test_a_leaf_and_a_node_never_share_a_hash() -> None:
    """A leaf that holds two hashes does not pass for the node over them."""
    left, right = LEAVES[:2]
    assert leaf_hash(left + right) != node_hash(left, right)


@pytest.mark.parametrize("size", range(70))
def test_every_way_to_a_root_agrees_with_the_definition(size: int) -> None:
    """Frontier, tree and function give the MTH of RFC 6962."""
    tree = Tree(LEAVES)
    assert root_of(LEAVES[:size]) == tree.root(size) == mth(LEAVES[:size])


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    """An empty log has the root that RFC 6962 says."""
    assert Tree().root() == Frontier().root() == EMPTY_ROOT == hashlib.sha256(b"").digest()


@given(size=SIZES, data=st.data())
def test_inclusion_paths_are_those_of_the_definition_and_hold(size: int, data: st.DataObject) -> None:
    """PATH of RFC 6962, for every leaf of trees of every size, is what is made and what is believed."""
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_path(LEAVES, index, size)
    assert list(proof) == path(index, LEAVES[:size])
    verify_inclusion(LEAVES[index], index, size, proof, mth(LEAVES[:size]))


@given(size=SIZES, data=st.data())
def test_consistency_paths_are_those_of_the_definition_and_hold(size: int, data: st.DataObject) -> None:
    """PROOF of RFC 6962, between any two sizes, is what is made and what is believed."""
    old = data.draw(st.integers(0, size))
    proof = consistency_path(LEAVES, old, size)
    if old:
        assert list(proof) == subproof(old, LEAVES[:size], True)
    verify_consistency(old, size, proof, mth(LEAVES[:old]), mth(LEAVES[:size]))


@given(size=SIZES, data=st.data())
def test_an_inclusion_proof_with_anything_changed_does_not_hold(size: int, data: st.DataObject) -> None:
    """Another leaf, another index, another root, a changed, missing or added sibling: each is refused."""
    index = data.draw(st.integers(0, size - 1))
    proof, root = list(inclusion_path(LEAVES, index, size)), mth(LEAVES[:size])
    other = leaf_hash(b"other")
    forgeries = [
        (other, index, size, proof, root),
        (LEAVES[index], size, size, proof, root),
        (LEAVES[index], -1, size, proof, root),
        (LEAVES[index], index, size, [*proof, other], root),
        (LEAVES[index], index, size, proof, other),
    ]
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        forgeries += [
            (LEAVES[index], index, size, [*proof[:at], other, *proof[at + 1 :]], root),
            (LEAVES[index], index, size, [*proof[:at], *proof[at + 1 :]], root),
            (LEAVES[index], index ^ 1, size, proof, root),
        ]
    for forged in forgeries:
        with pytest.raises(Tampered):
            verify_inclusion(*forged)


@given(size=SIZES, data=st.data())
def test_a_log_with_another_past_is_not_consistent(size: int, data: st.DataObject) -> None:
    """A proof between two logs that differ before the old size is refused, whatever path is offered."""
    old = data.draw(st.integers(1, size))
    changed = data.draw(st.integers(0, old - 1))
    rebuilt = [*LEAVES[:changed], leaf_hash(b"rewritten"), *LEAVES[changed + 1 : size]]
    for proof in (consistency_path(LEAVES, old, size), consistency_path(rebuilt, old, size)):
        with pytest.raises(Tampered):
            verify_consistency(old, size, proof, mth(LEAVES[:old]), mth(rebuilt))


def test_a_log_that_shrank_is_not_consistent() -> None:
    """No proof leads from a longer log to a shorter one."""
    with pytest.raises(Tampered, match="can't continue"):
        verify_consistency(5, 4, (), mth(LEAVES[:5]), mth(LEAVES[:4]))


@pytest.mark.parametrize("proof", [(), (LEAVES[0],), (LEAVES[0],) * 9])
def test_a_consistency_proof_of_the_wrong_length_does_not_hold(proof: tuple[bytes, ...]) -> None:
    """Nothing, one hash or too many between 5 and 9 leaves are refused, not a crash."""
    with pytest.raises(Tampered):
        verify_consistency(5, 9, proof, mth(LEAVES[:5]), mth(LEAVES[:9]))


@given(size=st.integers(0, len(LEAVES)))
def test_a_frontier_goes_on_from_its_bytes(size: int) -> None:
    """A stored frontier, read again, leads to the same roots as one that was never stored."""
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier.append(leaf)
    again = Frontier.from_bytes(frontier.to_bytes())
    assert (again.size, again.root()) == (size, mth(LEAVES[:size]))
    again.append(LEAVES[0])
    assert again.root() == mth([*LEAVES[:size], LEAVES[0]])
    assert frontier.root() == mth(LEAVES[:size])


def test_a_copied_frontier_grows_on_its_own() -> None:
    """Appending to a copy leaves the original as it was."""
    frontier = Frontier()
    frontier.append(LEAVES[0])
    frontier.copy().append(LEAVES[1])
    assert (frontier.size, frontier.root()) == (1, LEAVES[0])


@pytest.mark.parametrize("content", [b"", b"\x00" * 7, b"\x00" * 7 + b"\x01", b"\x00" * 7 + b"\x01" + b"x" * 31, b"\x00" * 8 + b"x" * 32])
def test_bytes_that_are_no_frontier_are_refused(content: bytes) -> None:
    """A frontier whose number of hashes does not fit its size is an error, not a tree."""
    with pytest.raises(MalformedRecord, match="not the frontier"):
        Frontier.from_bytes(content)


@pytest.mark.parametrize("ask", [lambda tree: tree.root(6), lambda tree: tree.inclusion_path(5), lambda tree: tree.consistency_path(6)])
def test_a_tree_is_not_asked_about_leaves_that_it_lacks(ask: object) -> None:
    """A size or an index beyond the tree is the caller's mistake and says so."""
    assert callable(ask)
    with pytest.raises(ValueError, match=r"leaves|leaf|beginning"):
        ask(Tree(LEAVES[:5]))


def test_a_tree_keeps_64_bytes_a_leaf() -> None:
    """The memory of a tree is two hashes a leaf, so that a million fit anywhere."""
    tree = Tree(LEAVES[:128])
    assert sum(len(level) for level in tree._levels) == 32 * (2 * 128 - 1)


def test_an_empty_tree_has_one_root() -> None:
    """Two views of nothing are not consistent where one of them has another root."""
    with pytest.raises(Tampered):
        verify_consistency(0, 0, (), EMPTY_ROOT, bytes(32))
    verify_consistency(0, 0, (), EMPTY_ROOT, EMPTY_ROOT)
