"""Changes of a log's key: what both signed is followed, what one did not is refused, and trust is never widened."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.errors import LifecycleError, MalformedRecord, Tampered
from lifecycle.proofs.notes import Checkpoint, SigningKey, VerifierKey
from lifecycle.proofs.rotation import Rotation, follow, statement
from lifecycle.proofs.signature_lines import encode

KEYS = [SigningKey("example.org/ledger", bytes([number]) * 32) for number in range(4)]
OLD, NEW, THIRD, THIEF = KEYS


def leaf(rotation: Rotation) -> bytes:
    """A leaf as a `LogKeyRotated` stores it, as far as a reader looks."""
    body = {
        "old_key": str(rotation.old),
        "new_key": str(rotation.new),
        "from_size": rotation.from_size,
        "old_until_size": rotation.old_until_size,
        "reason": rotation.reason,
        "old_signature": encode(rotation.old_signature),
        "new_signature": encode(rotation.new_signature),
    }
    return json.dumps({"body": body}).encode()


def change(old: SigningKey, new: SigningKey, from_size: int, until: int) -> Rotation:
    return Rotation.signed(old, new, from_size=from_size, old_until_size=until, reason="yearly")


FIRST, SECOND = change(OLD, NEW, 10, 12), change(NEW, THIRD, 30, 29)


def bounds(*keys: VerifierKey) -> list[tuple[int, int | None]]:
    return [(key.from_size, key.until_size) for key in keys]


@pytest.mark.parametrize("known", range(3))
def test_whichever_key_is_trusted_all_are_followed(known: int) -> None:
    """Forwards by the old key's signature, backwards by the new one's."""
    found = follow([KEYS[known].verifier], [(5, leaf(FIRST)), (40, leaf(SECOND))])
    by_key = {key.public: key for key in found.keys}
    assert bounds(*(by_key[key.verifier.public] for key in KEYS[:3])) == [(0, 12), (10, 29), (30, None)]
    assert found.refused == ()


def test_a_leaf_is_read_back_as_it_was_written() -> None:
    """Every field, signatures included."""
    assert Rotation.of_leaf(leaf(FIRST)) == FIRST


@pytest.mark.parametrize(
    "forged",
    [
        replace(FIRST, new=THIEF.verifier),
        replace(FIRST, old=THIEF.verifier),
        replace(FIRST, from_size=9),
        replace(FIRST, old_until_size=99),
        replace(FIRST, reason="other"),
        replace(FIRST, old_signature=FIRST.new_signature),
        replace(FIRST, new_signature=FIRST.old_signature),
        change(OLD, OLD, 10, 12),
        change(OLD, NEW, 10, 8),
        change(OLD, SigningKey("example.org/other", bytes(32)), 10, 12),
    ],
)
def test_what_both_did_not_agree_to_does_not_count(forged: Rotation) -> None:
    """Neither key comes or goes alone, and nothing in between stays unsigned."""
    with pytest.raises(Tampered, match="does not count"):
        forged.require_signed()
    found = follow([OLD.verifier], [(5, leaf(forged))])
    assert (found.keys, [index for index, _ in found.refused]) == ((OLD.verifier,), [5])


def test_a_key_that_was_trusted_up_to_a_size_hands_over_only_until_then() -> None:
    """A trust file that says when the key ended is not overruled by a later change that a thief signed."""
    bound = OLD.verifier.bound_to(0, 12)
    found = follow([bound], [(5, leaf(change(OLD, THIEF, 20, 25)))])
    assert (found.keys, len(found.refused)) == ((bound,), 1)
    both = [bound, NEW.verifier.bound_to(10, None)]
    assert follow(both, [(5, leaf(change(OLD, NEW, 10, 99)))]).keys[0].until_size == 12


def test_a_key_whose_end_is_trusted_hands_over_to_no_key_that_is_not() -> None:
    """Whoever stole it after its end can date a change before that; the verifier knows what followed it, and this is not it."""
    trusted = [OLD.verifier.bound_to(0, 20), NEW.verifier.bound_to(21, None)]
    found = follow(trusted, [(10, leaf(change(OLD, THIEF, 21, 20)))])
    assert (found.keys, [index for index, _ in found.refused]) == (tuple(trusted), [10])


def test_a_key_that_is_known_through_its_successor_hands_over_to_that_one_only() -> None:
    """Who trusts the newest key learns of the one before it, and of no thief to whom that one signed earlier."""
    found = follow([NEW.verifier], [(5, leaf(change(OLD, THIEF, 10, 9))), (6, leaf(FIRST))])
    assert {key.public for key in found.keys} == {OLD.verifier.public, NEW.verifier.public}
    assert [index for index, _ in found.refused] == [5]


def test_a_key_hands_over_once() -> None:
    """The second change by the same key is a thief's."""
    found = follow([OLD.verifier], [(5, leaf(FIRST)), (6, leaf(change(OLD, THIEF, 11, 12)))])
    assert {key.public for key in found.keys} == {OLD.verifier.public, NEW.verifier.public}
    assert [index for index, _ in found.refused] == [6]


def test_a_change_between_keys_that_nobody_knows_does_not_count() -> None:
    """It leads from nowhere to nowhere."""
    found = follow([OLD.verifier], [(5, leaf(change(THIEF, THIRD, 10, 12)))])
    assert (found.keys, len(found.refused)) == ((OLD.verifier,), 1)


def test_without_a_trusted_key_only_the_signatures_are_looked_at() -> None:
    """Whoever holds no key learns none."""
    assert follow([], [(5, leaf(FIRST))]) == follow([], [])
    assert len(follow([], [(5, leaf(replace(FIRST, reason="other")))]).refused) == 1


def test_no_statement_is_a_ledger_checkpoint() -> None:
    """A key that signs one has not signed the other, whatever the log is called."""
    for name in ("7", "example.org/ledger", "lifecycle"):
        old, new = SigningKey(name, bytes(32)).verifier, SigningKey(name, bytes([1]) * 32).verifier
        with pytest.raises(MalformedRecord):
            Checkpoint.parse(statement(old, new, 7, 9, "7\n" + encode(bytes(32)) + "\n"))


@given(
    stored=st.binary(max_size=200)
    | st.recursive(st.none() | st.text(), lambda inner: st.dictionaries(st.text(), inner)).map(
        lambda value: json.dumps({"body": value}).encode()
    )
)
def test_a_leaf_that_is_no_change_is_refused_and_never_crashes(stored: bytes) -> None:
    """Anything at all ends in an error of ours."""
    with pytest.raises(LifecycleError):
        Rotation.of_leaf(stored)
