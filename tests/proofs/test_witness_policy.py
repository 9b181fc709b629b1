"""Witness policies: the form of C2SP's tlog-policy, and who is a quorum."""

from __future__ import annotations

from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.errors import MalformedRecord
from lifecycle.proofs.cosignatures import WitnessKey, WitnessSigner
from lifecycle.proofs.notes import SigningKey
from lifecycle.proofs.witness_policy import WitnessPolicy

LOG = SigningKey("example.org/ledger", bytes(range(32))).verifier
KEYS = {
    name: WitnessSigner(f"{name}.example", bytes([number]) * 32).verifier
    for number, name in enumerate(("X1", "X2", "X3", "Y1", "Y2", "Y3"))
}
#: The example of the specification.
EXAMPLE = f"""
log {LOG}

witness X1 {KEYS["X1"]} https://x1.example/submit
witness X2 {KEYS["X2"]}
\t witness X3 \t {KEYS["X3"]}
group X-witnesses 2 X1 X2 X3

# The others.
witness Y1 {KEYS["Y1"]}
witness Y2 {KEYS["Y2"]}
witness Y3 {KEYS["Y3"]}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def cosigned(*names: str) -> set[WitnessKey]:
    return {KEYS[name] for name in names}


def test_the_example_of_the_specification_counts_as_it_says() -> None:
    """At least two of the X and one of the Y, whichever they are."""
    policy = WitnessPolicy.parse(EXAMPLE)
    for names in chain.from_iterable(combinations(KEYS, size) for size in range(len(KEYS) + 1)):
        expected = sum(name[0] == "X" for name in names) >= 2 and any(name[0] == "Y" for name in names)
        assert policy.satisfied_by(cosigned(*names)) == expected, names


def test_a_policy_is_read_back_as_it_is_written() -> None:
    """Logs, witnesses with their URLs, groups and the quorum."""
    policy = WitnessPolicy.parse(EXAMPLE)
    assert WitnessPolicy.parse(str(policy)) == policy
    assert (policy.logs, policy.witnesses[0].url, policy.witnesses[1].url) == ((LOG,), "https://x1.example/submit", None)
    assert policy.keys == tuple(KEYS.values())


def test_no_quorum_asks_for_nobody() -> None:
    """`quorum none` holds for any note."""
    policy = WitnessPolicy.parse("quorum none\n")
    assert policy.satisfied_by(())
    assert not policy.asks_for_witnesses


def test_a_single_witness_can_be_the_quorum() -> None:
    """Without any group."""
    policy = WitnessPolicy.parse(f"witness w {KEYS['X1']}\nquorum w\n")
    assert policy.satisfied_by(cosigned("X1"))
    assert not policy.satisfied_by(cosigned("X2"))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "no quorum"),
        (f"log {LOG}\n", "no quorum"),
        ("quorum none\nquorum none\n", "Line 2.*one quorum"),
        ("quorum w\n", "'w' is not defined above"),
        ("witnes w x\n", "'witnes' is no kind of line"),
        ("witness w\n", "does not have 2 words"),
        (f"witness none {KEYS['X1']}\n", "'none' is taken"),
        (f"witness w {KEYS['X1']}\nwitness v {KEYS['X1']}\n", "Line 2.*this witness stands there already"),
        (f"witness w {KEYS['X1']}\nwitness w {KEYS['X2']}\n", "'w' is taken"),
        (f"log {LOG}\nlog {LOG}\n", "this log stands there already"),
        (f"log {KEYS['X1']}\n", "not an Ed25519 key of a log"),
        (f"witness w {LOG}\n", "not the key of a witness"),
        ("group g any g\n", "'g' is not defined above"),
        ("group g any none\n", "'none' is not defined above"),
        (f"witness w {KEYS['X1']}\ngroup g 2 w\n", "'2' of 1 members can't be"),
        (f"witness w {KEYS['X1']}\ngroup g 0 w\n", "'0' of 1 members can't be"),
        (f"witness w {KEYS['X1']}\ngroup g any w w\n", "counts once"),
        (f"witness w {KEYS['X1']}\ngroup g any w\ngroup h any w\n", "counts once"),
        ("quorum none\r\n", "control characters"),
    ],
)
def test_what_the_form_forbids_is_refused_by_its_line(text: str, named: str) -> None:
    """A policy that can be misread is not read."""
    with pytest.raises(MalformedRecord, match=named):
        WitnessPolicy.parse(text)


@given(text=st.text(alphabet=st.sampled_from("log witness group quorum none any all 1 2 # \t\n"), max_size=200))
def test_any_text_is_a_policy_or_refused(text: str) -> None:
    """It never crashes, and what is read satisfies itself with all its witnesses."""
    try:
        policy = WitnessPolicy.parse(text)
    except MalformedRecord:
        return
    assert policy.satisfied_by(policy.keys)
