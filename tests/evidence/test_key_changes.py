"""Two programs follow the changes of a log's key: the ledger's (`proofs.rotation.follow`) and verify.py's. They never differ."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.evidence.verify import Leaf, Trust
from lifecycle.proofs.notes import SigningKey, VerifierKey
from lifecycle.proofs.rotation import Rotation, follow
from tests.proofs.test_rotation import KEYS, NEW, OLD, THIEF, THIRD, change, leaf

ELSEWHERE = SigningKey("example.org/other", bytes(32))
FIRST, SECOND = change(OLD, NEW, 10, 12), change(NEW, THIRD, 30, 29)


def believed(trusted: Sequence[VerifierKey], leaves: Sequence[bytes]) -> dict[str, tuple[int, int | None]]:
    """What the ledger's verification makes of them: each key with the sizes that it may sign."""
    return {str(key): (key.from_size, key.until_size) for key in follow(trusted, [*enumerate(leaves)]).keys}


def believed_offline(trusted: Sequence[VerifierKey], leaves: Sequence[bytes]) -> dict[str, tuple[int, int | None]]:
    """What verify.py makes of the same."""
    trust, endless = Trust(), 10**9
    trust.log_keys = {str(key): (key.from_size, endless if key.until_size is None else key.until_size) for key in trusted}
    events = [json.loads(stored) for stored in leaves]
    keys = trust.log_keys_after(
        [Leaf(index, stored, event, event["body"]) for index, (stored, event) in enumerate(zip(leaves, events, strict=True))]
    )
    return {key: (first, None if last == endless else last) for key, (first, last) in keys.items()}


@pytest.mark.parametrize(
    ("trusted", "changes"),
    [
        ([OLD.verifier], [FIRST, SECOND]),
        ([NEW.verifier], [FIRST, SECOND]),
        ([THIRD.verifier], [FIRST, SECOND]),
        ([], [FIRST, SECOND]),
        ([THIEF.verifier], [FIRST, SECOND]),
        ([OLD.verifier], [change(OLD, NEW, 11, 20), change(OLD, THIEF, 21, 30)]),
        ([OLD.verifier], [FIRST, change(OLD, THIEF, 11, 12)]),
        ([OLD.verifier.bound_to(0, 12)], [change(OLD, THIEF, 20, 25)]),
        ([OLD.verifier.bound_to(0, 12)], [change(OLD, NEW, 10, 99)]),
        ([OLD.verifier, NEW.verifier], [FIRST]),
        ([OLD.verifier, NEW.verifier.bound_to(20, 40)], [FIRST, SECOND]),
        ([OLD.verifier.bound_to(15, None)], [FIRST]),
        ([OLD.verifier], [change(THIEF, THIRD, 10, 12)]),
        ([OLD.verifier], [change(OLD, NEW, 10, 12), change(NEW, OLD, 30, 35)]),
        ([OLD.verifier], [change(OLD, OLD, 10, 12), FIRST]),
        ([OLD.verifier], [change(OLD, NEW, 10, 8)]),
        ([OLD.verifier], [change(OLD, ELSEWHERE, 10, 12)]),
        ([OLD.verifier], [replace(FIRST, reason="other")]),
        ([OLD.verifier], [replace(FIRST, new=THIEF.verifier)]),
        ([OLD.verifier], [replace(FIRST, new_signature=FIRST.old_signature), FIRST]),
        ([OLD.verifier], [SECOND, FIRST]),
        ([THIRD.verifier], [SECOND, FIRST]),
    ],
)
def test_both_programs_believe_the_same_keys(trusted: list[VerifierKey], changes: list[Rotation]) -> None:
    """Forwards, backwards, twice, too late, by a thief, in disorder."""
    leaves = [leaf(one) for one in changes]
    assert believed_offline(trusted, leaves) == believed(trusted, leaves)


@pytest.mark.parametrize("part", ["old_key", "new_key", "old_signature", "new_signature", "from_size", "reason"])
@pytest.mark.parametrize("wrong", [None, "", "a+b+c", "example.org/ledger+00000000+AQAA", [1]])
def test_what_is_no_change_of_a_key_is_passed_over_by_both(part: str, wrong: object) -> None:
    """One leaf that makes no sense does not keep the next from being followed."""
    broken = json.loads(leaf(FIRST))
    broken["body"][part] = wrong
    leaves = [json.dumps(broken).encode(), b'{"body": {}}', leaf(FIRST)]
    assert believed_offline([OLD.verifier], leaves) == believed([OLD.verifier], leaves)


@given(
    trusted=st.lists(st.tuples(st.sampled_from(KEYS), st.integers(0, 20), st.none() | st.integers(0, 40)), max_size=2),
    changes=st.lists(
        st.tuples(st.sampled_from(KEYS), st.sampled_from(KEYS), st.integers(0, 40), st.integers(0, 40)).map(lambda of: change(*of)),
        max_size=5,
    ),
)
def test_whatever_was_changed_both_programs_believe_the_same_keys(
    trusted: list[tuple[SigningKey, int, int | None]], changes: list[Rotation]
) -> None:
    """Any changes among four keys, from any that are trusted."""
    known = list({str(key.verifier): key.verifier.bound_to(first, last) for key, first, last in trusted}.values())
    leaves = [leaf(one) for one in changes]
    assert believed_offline(known, leaves) == believed(known, leaves)
