"""What the auditor gives as --trust: each form is told apart, and none of it reaches further than it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lifecycle.proofs.notes import SigningKey
from lifecycle.proofs.trust import TrustedKey, TrustFile
from tests.evidence.house import ORIGIN, House, lived
from tests.evidence.packs import packed, verify
from tests.evidence.test_anchored_pack import POLICY, WITNESSES, cosigned


def test_a_held_checkpoint_alone_shows_nothing_about_what_came_after(house: House, pack: bytes, tmp_path: Path) -> None:
    """Without the log's key, anybody could have added records to those that were held."""
    result = verify(pack, tmp_path, house.checkpoint())
    assert (result.code, result.level, result.at("L2")) == (0, "L0", None)


def test_a_held_checkpoint_of_another_log_breaks_the_second_level(house: House, pack: bytes, tmp_path: Path) -> None:
    """Whether a key is there or not."""
    other = lived(tmp_path / "other")
    assert verify(pack, tmp_path / "run", other.checkpoint()).at("L2") is False


def test_a_key_signs_within_its_sizes_only(house: House, pack: bytes, tmp_path: Path) -> None:
    """A key that ended before does not count, although its signature holds."""
    ended = TrustFile(origin=ORIGIN, log_keys=(TrustedKey(key=str(house.log_key), until_size=3),))
    assert verify(pack, tmp_path / "ended", ended.canonical()).at("L1") is False
    open_ended = TrustFile(origin=ORIGIN, log_keys=(TrustedKey(key=str(house.log_key), until_size=10**6),))
    assert verify(pack, tmp_path / "open", open_ended.canonical()).at("L1") is True


def test_a_policy_does_not_widen_what_a_trust_file_says_of_a_key(house: House, pack: bytes, tmp_path: Path) -> None:
    """The same key in a line of a policy has no sizes; those of the trust file stay."""
    ended = TrustFile(
        origin=ORIGIN, log_keys=(TrustedKey(key=str(house.log_key), until_size=3),), policy=f"log {house.log_key}\nquorum none\n"
    )
    assert verify(pack, tmp_path, ended.canonical()).at("L1") is False


def test_a_quorum_that_was_asked_for_is_not_taken_back_by_another_file(tmp_path: Path) -> None:
    """`quorum none` in a trust file asks for nothing; it does not say that nothing may be asked for."""
    house = lived(tmp_path / "house")
    cosigned(house, "w1")
    nothing = TrustFile(origin=ORIGIN, log_keys=(TrustedKey(key=str(house.log_key)),)).canonical()
    assert verify(packed(house), tmp_path / "run", POLICY, nothing).at("L4") is False


@pytest.mark.parametrize(("threshold", "reached"), [("any", True), ("1", True), ("2", False), ("all", False)])
def test_a_group_counts_as_tlog_policy_says(threshold: str, reached: bool, tmp_path: Path) -> None:
    """Of two witnesses one has cosigned."""
    house = lived(tmp_path / "house")
    cosigned(house, "w2")
    lines = [f"witness {name} {signer.verifier}" for name, signer in WITNESSES.items()]
    policy = "\n".join(["# what we ask for", *lines, f"group some {threshold} w1 w2", "group outer all some", "quorum outer", ""])
    assert verify(packed(house), tmp_path / "run", str(house.log_key), policy).at("L4") is reached


@pytest.mark.parametrize("text", ["", "hello", "{}", '{"schema_version": "lifecycle.trust/1"}', "a+b+c", "quorum\n", "\x00\xff"])
def test_what_is_nothing_to_trust_is_refused(text: str, pack: bytes, tmp_path: Path) -> None:
    """Nothing is verified against a file that was not understood."""
    result = verify(pack, tmp_path, text)
    assert result.code == 2
    assert result.errors.startswith("There is nothing to verify")


@pytest.mark.parametrize(
    "differently",
    [
        {"schema_version": "lifecycle.trust/2", "since": "2026"},
        {"origin": "example.org/other"},
        {"log_keys": [{"key": "KEY", "from_size": 0, "until_size": None, "only_for": "production"}]},
    ],
    ids=["a field", "another log", "a field of a key"],
)
def test_a_trust_file_that_says_something_else_is_refused(differently: dict[str, Any], house: House, pack: bytes, tmp_path: Path) -> None:
    """What this program does not read may narrow what it was given; a key of another log than the file names is a mistake."""
    file = TrustFile(origin=ORIGIN, log_keys=(TrustedKey(key=str(house.log_key)),)).as_json() | differently
    result = verify(pack, tmp_path, json.dumps(file).replace("KEY", str(house.log_key)))
    assert result.code == 2
    assert "the trust file says more than is understood here" in result.errors


def test_a_trust_file_of_another_log_is_named(pack: bytes, tmp_path: Path) -> None:
    """An auditor of two logs took the wrong file: the first level breaks, and says of which log the keys are."""
    other = SigningKey("example.org/other", bytes(32)).verifier
    result = verify(pack, tmp_path, TrustFile(origin="example.org/other", log_keys=(TrustedKey(key=str(other)),)).canonical())
    assert (result.code, result.at("L1")) == (1, False)
    assert "you gave keys of the log 'example.org/other' only" in result.broken


@pytest.mark.parametrize("content", [b"", b"not a zip file", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_pack_is_refused(content: bytes, tmp_path: Path) -> None:
    """With the code for that, and no traceback."""
    result = verify(content, tmp_path)
    assert result.code == 2
    assert "Traceback" not in result.errors
