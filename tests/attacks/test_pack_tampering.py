"""Attacks on an evidence pack after it was made: each is found by the program alone, and what was attacked is named."""

from __future__ import annotations

import json
import random
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from lifecycle.evidence.layout import zipped
from lifecycle.evidence.pack import Scope
from lifecycle.ledger.log_key.keys import ensure_log_key
from lifecycle.proofs.merkle import leaf_hash
from tests.evidence.house import ORIGIN, House, evaluated, lived
from tests.evidence.lived_house import house, pack
from tests.evidence.packs import files_of, listed_anew, packed, rebuilt, relisted, signed_anew, verify

__all__ = ["house", "pack"]

Files = dict[str, bytes]
Alteration = Callable[[Files], object]


def named(files: Files, beginning: str) -> str:
    """The one path that begins so."""
    (found,) = [path for path in files if path.startswith(beginning)]
    return found


def swapped(beginning: str) -> Alteration:
    return lambda files: files.__setitem__(named(files, beginning), b'{"says": "something else"}')


@pytest.mark.parametrize(
    "victim",
    [
        "proven/report-html-",
        "proven/report-json-",
        "proven/evidence-",
        "proven/bundle-",
        "proven/people-",
        "proven/model-",
        "proven/signature-",
        "proven/input-deployment-",
        "views/card.md",
        "index.html",
        "verify.py",
        "leaves/000004-",
    ],
)
@pytest.mark.parametrize("attack", ["swapped", "dropped"])
def test_swap_or_drop_a_file(pack: bytes, victim: str, attack: str, tmp_path: Path) -> None:
    """A report, a policy bundle, a page, a record, the program itself: whatever is exchanged or taken out is named."""
    path = next(path for path in sorted(files_of(pack)) if path.startswith(victim) and path.count("/") < 2)
    alter: Alteration = (
        (lambda files: files.pop(path)) if attack == "dropped" else (lambda files: files.update({path: b'{"says": "else"}'}))
    )
    result = verify(rebuilt(pack, alter), tmp_path)
    assert (result.code, result.level) == (1, "none")
    assert any(path in finding for finding in result.broken)


@pytest.mark.parametrize("part", ["weights", "graph", "preprocessor", "schemas", "training"])
def test_swap_a_model_file(pack: bytes, part: str, tmp_path: Path) -> None:
    """Every file of the model hangs on the manifest, whose digest is the model's."""
    entry = next(one for one in json.loads(files_of(pack)["pack.json"])["proven"] if one["role"] == part)
    result = verify(rebuilt(pack, lambda files: files.update({entry["path"]: b"other weights"})), tmp_path)
    assert result.code == 1
    assert any(entry["path"] in finding for finding in result.broken)


@pytest.mark.parametrize("victim", ["proven/report-html-", "proven/bundle-"])
def test_swap_a_file_and_the_list_with_it(pack: bytes, victim: str, tmp_path: Path) -> None:
    """The digest in the list fits then, but no record names it, and the list is not the one that was signed."""
    other = rebuilt(pack, lambda files: relisted(files, named(files, victim), b"<p>All is well</p>"))
    found = verify(other, tmp_path).broken
    assert any("pack.json was altered" in finding for finding in found)
    assert any(victim in finding and "named by no record" in finding for finding in found)


def test_swap_a_file_with_the_stolen_key_of_the_models(house: House, pack: bytes, tmp_path: Path) -> None:
    """Whoever can sign the list anew still can't make a record name the file."""

    def alter(files: Files) -> None:
        relisted(files, named(files, "proven/report-html-"), b"<p>All is well</p>")
        signed_anew(files, house)

    found = verify(rebuilt(pack, alter), tmp_path).broken
    assert any("named by no record" in finding for finding in found)


def test_swap_a_view_and_sign_with_a_key_of_one_s_own(pack: bytes, tmp_path: Path) -> None:
    """Which key signs is said by the records of the models."""
    stranger = House(tmp_path / "stranger")

    def alter(files: Files) -> None:
        relisted(files, "index.html", b"<p>All is well</p>")
        old = next(path for path in files if path.startswith("proven/signing-key-"))
        relisted(files, old, stranger.signer.public_pem)
        digest = json.loads(files["pack.json"])["signing_key"]
        new = next(entry["digest"] for entry in json.loads(files["pack.json"])["proven"] if entry["path"] == old)
        files["pack.json"] = files["pack.json"].replace(digest.encode(), new.encode())
        signed_anew(files, stranger)

    result = verify(rebuilt(pack, alter), tmp_path / "run")
    assert result.code == 1
    assert any("pack.json was altered" in finding for finding in result.broken)


def test_an_extra_file(pack: bytes, tmp_path: Path) -> None:
    """What nobody lists is named."""
    found = verify(rebuilt(pack, lambda files: files.update({"proven/harmless.json": b"{}"})), tmp_path).broken
    assert found == ["proven/harmless.json does not belong to the pack: nothing lists it"]


def test_drop_a_record_from_the_list_as_well(house: House, pack: bytes, tmp_path: Path) -> None:
    """Even signed anew: the numbers of the model's records have a gap."""

    def alter(files: Files) -> None:
        path = named(files, "leaves/000006-")
        del files[path]
        listed_anew(files, lambda about: about["leaves"].remove(next(one for one in about["leaves"] if one["path"] == path)))
        signed_anew(files, house)

    result = verify(rebuilt(pack, alter), tmp_path)
    assert result.code == 1
    assert any("on model/credit is missing" in finding for finding in result.broken)


def test_drop_a_record_of_a_period(house: House, tmp_path: Path) -> None:
    """Within a period every record of the log is there, whatever it is about."""

    def alter(files: Files) -> None:
        path = named(files, "leaves/000003-")
        del files[path]
        listed_anew(files, lambda about: about["leaves"].remove(next(one for one in about["leaves"] if one["path"] == path)))
        signed_anew(files, house)

    found = verify(rebuilt(packed(house, Scope(since_us=0)), alter), tmp_path).broken
    assert "record 3 is within the period of the pack, and missing" in found


def test_claim_that_a_record_was_pruned(house: House, pack: bytes, tmp_path: Path) -> None:
    """Its bytes may be gone only where a record says so."""

    def alter(files: Files) -> None:
        path = named(files, "leaves/000006-")
        del files[path]
        listed_anew(files, lambda about: next(one for one in about["leaves"] if one["path"] == path).update({"path": ""}))
        signed_anew(files, house)

    assert "record 6 has no bytes, and no record says that they were pruned" in verify(rebuilt(pack, alter), tmp_path).broken


def test_claim_that_a_file_was_left_out(pack: bytes, tmp_path: Path) -> None:
    """That is said in the list, which is signed."""

    def alter(files: Files) -> None:
        path = named(files, "proven/report-html-")
        del files[path]

        def leave_out(about: Any) -> None:
            entry = next(one for one in about["proven"] if one["path"] == path)
            about["proven"].remove(entry)
            about["left_out"].append({"role": entry["role"], "digest": entry["digest"], "why": "it was lost"})

        listed_anew(files, leave_out)

    assert any("pack.json was altered" in finding for finding in verify(rebuilt(pack, alter), tmp_path).broken)


def test_forge_a_record_and_its_tile(house: House, pack: bytes, tmp_path: Path) -> None:
    """A tree over other records has another root than the one in the checkpoint."""

    def alter(files: Files) -> None:
        path, tile = named(files, "leaves/000006-"), named(files, "tile/0/")
        files[path] = files[path].replace(b"needs_approval", b"allow") + b" "
        files[tile] = files[tile][: 6 * 32] + leaf_hash(files[path]) + files[tile][7 * 32 :]

    result = verify(rebuilt(pack, alter), tmp_path, str(house.log_key))
    assert (result.code, result.level) == (1, "none")
    assert any("do not lead to the root" in finding for finding in result.broken)


def test_append_a_record_behind_what_was_signed(house: House, pack: bytes, tmp_path: Path) -> None:
    """A hash more in the last tile, and the record to go with it: the checkpoint covers neither."""

    def alter(files: Files) -> None:
        path, tile = named(files, "leaves/000009-"), named(files, "tile/0/")
        forged = files[path].replace(b'"sequence":', b'"sequence":1')
        size = len(files[tile]) // 32
        files[tile] += leaf_hash(forged)
        files[f"leaves/{size:06}-Forged.json"] = forged
        entry = {"index": size, "path": f"leaves/{size:06}-Forged.json", "subject": {"kind": "model", "name": "credit"}}
        listed_anew(files, lambda about: about["leaves"].append(entry))
        signed_anew(files, house)

    result = verify(rebuilt(pack, alter), tmp_path, str(house.log_key))
    assert (result.code, result.level) == (1, "none")
    assert any("do not lead to the root" in finding for finding in result.broken)


def test_rebuild_the_log_with_a_key_of_one_s_own(house: House, tmp_path: Path) -> None:
    """It agrees with itself; the verifier key shows that another log signed it."""
    other = lived(tmp_path / "other")
    assert verify(packed(other), tmp_path / "alone").level == "L0"
    result = verify(packed(other), tmp_path / "trusting", str(house.log_key))
    assert (result.code, result.level, result.at("L1")) == (1, "L0", False)


def test_rebuild_the_log_with_the_stolen_key(tmp_path: Path) -> None:
    """Signed, and still another past than the one that the auditor saw."""
    house = lived(tmp_path / "house")
    held = house.checkpoint()
    other = House(tmp_path / "other")
    for name in ("ledger.key", "ledger.pub"):
        (other.folder / "keys" / name).write_bytes((house.folder / "keys" / name).read_bytes())
    other.log_key = ensure_log_key(other.folder / "keys", ORIGIN)
    about = evaluated(other)
    other.rolls_out(about, other.decides("deployment", about, "allow", other.approves("rita", about)))
    for version in (2, 3):
        other.evaluates(other.trains(version))
    other.checkpoint()
    assert verify(packed(other), tmp_path / "signed", str(house.log_key)).level == "L1"
    result = verify(packed(other), tmp_path / "held", str(house.log_key), held)
    assert (result.code, result.level, result.at("L2")) == (1, "L1", False)


def test_drop_the_tail_with_its_checkpoints(tmp_path: Path) -> None:
    """A pack of before the rollout, shown as if it were of today, is shorter than what the auditor held."""
    house = House(tmp_path / "house")
    about = evaluated(house)
    house.checkpoint()
    old = packed(house)
    house.rolls_out(about, house.decides("deployment", about, "allow", house.approves("rita", about)))
    held = house.checkpoint()
    result = verify(old, tmp_path / "run", str(house.log_key), held)
    assert (result.code, result.level, result.at("L2")) == (1, "L1", None)
    assert any("the pack ends before the" in finding for finding in result.broken)


def test_replay_a_checkpoint_of_another_log(house: House, pack: bytes, tmp_path: Path) -> None:
    """A checkpoint that somebody else signed says nothing of these records."""
    other = lived(tmp_path / "other")
    result = verify(
        rebuilt(pack, lambda files: files.update({"checkpoint": other.checkpoint().encode()})), tmp_path / "run", str(house.log_key)
    )
    assert (result.code, result.level) == (1, "none")


def test_a_name_that_stands_twice_in_the_zip(pack: bytes, tmp_path: Path) -> None:
    """Two readers could see two packs, so nobody sees one."""
    twice = BytesIO(pack)
    with zipfile.ZipFile(twice, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("index.html", b"<p>All is well</p>")
    result = verify(twice.getvalue(), tmp_path)
    assert result.code == 2
    assert "stands twice" in result.errors


def test_a_checkpoint_of_a_size_that_no_pack_can_hold(pack: bytes, tmp_path: Path) -> None:
    """It is refused and not waited for."""
    endless = b"example.org/house\n99999999999999999999\n" + b"A" * 43 + b"=\n\n\xe2\x80\x94 example.org/house AAAA\n"
    assert verify(rebuilt(pack, lambda files: files.update({"checkpoint": endless})), tmp_path).code == 2


def test_flip_any_byte_of_any_file(pack: bytes, tmp_path: Path) -> None:
    """Wherever it is, it never passes."""
    chance = random.Random(7)
    files = files_of(pack)
    for number in range(40):
        path = chance.choice(sorted(files))
        at, bit = chance.randrange(len(files[path])), 1 << chance.randrange(8)
        flipped = files[path][:at] + bytes([files[path][at] ^ bit]) + files[path][at + 1 :]
        result = verify(zipped(files | {path: flipped}, []), tmp_path / str(number))
        assert result.code != 0, f"{path}, byte {at}"


def test_flip_any_byte_of_the_zip_file_itself(pack: bytes, tmp_path: Path) -> None:
    """Of its compressed bytes and of its directory: it never passes as another pack, and nothing falls over."""
    chance = random.Random(11)
    said = verify(pack, tmp_path / "whole").said
    for number in range(25):
        at, bit = chance.randrange(len(pack)), 1 << chance.randrange(8)
        result = verify(pack[:at] + bytes([pack[at] ^ bit]) + pack[at + 1 :], tmp_path / str(number))
        assert result.code != 0 or result.said == said, f"byte {at}"
        assert "Traceback" not in result.errors
