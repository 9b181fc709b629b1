"""A pack with what others saw of the log: witnesses, time stamps, and a log that changed its key."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle.ledger.log_key.rotating import rotate_key
from lifecycle.ledger.receipts import AnchorKind, AnchorReceipt, ReceiptBook
from lifecycle.ledger.storage.rows import LedgerRows
from lifecycle.proofs.cosignatures import WitnessSigner
from lifecycle.proofs.merkle import Frontier
from lifecycle.proofs.notes import Checkpoint, SigningKey, sign
from lifecycle.proofs.rotation import Rotation
from lifecycle.proofs.signature_lines import taken_apart
from lifecycle.proofs.timestamps import TimestampRequest, readable
from lifecycle.records import bodies
from lifecycle.records.events import Subject
from tests.anchors.authority import LocalAuthority
from tests.evidence.house import ORIGIN, START_US, House, lived
from tests.evidence.packs import files_of, packed, rebuilt, verify

WITNESSES = {name: WitnessSigner.generate(f"example.org/{name}") for name in ("w1", "w2")}
POLICY = "".join(f"witness {name} {signer.verifier}\n" for name, signer in WITNESSES.items()) + "group both all w1 w2\nquorum both\n"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return lived(tmp_path / "house")


def seen_by(house: House, anchor: str, kind: AnchorKind, receipt: bytes) -> None:
    """Keeps an anchor's answer to the latest ledger checkpoint."""
    note = house.checkpoint()
    checkpoint = Checkpoint.parse(note)
    with ReceiptBook(house.url, writable=True) as book:
        book.keep(AnchorReceipt(anchor, kind, checkpoint.size, checkpoint.root_hash, START_US, note, receipt))


def cosigned(house: House, *names: str) -> None:
    """Has witnesses cosign the ledger as it stands."""
    text, _ = taken_apart(house.checkpoint())
    for name in names:
        seen_by(house, name, "witness", f"{WITNESSES[name].cosign(text, START_US // 1_000_000)}\n".encode())


def test_a_quorum_of_witnesses_leads_to_the_fourth_level(house: House, tmp_path: Path) -> None:
    """Both cosigned, and both are asked for."""
    cosigned(house, "w1", "w2")
    result = verify(packed(house), tmp_path / "run", str(house.log_key), POLICY)
    assert (result.code, result.level, result.at("L4")) == (0, "L4", True)


def test_one_witness_of_two_is_no_quorum(house: House, tmp_path: Path) -> None:
    """What was asked for is not there, and that is said."""
    cosigned(house, "w1")
    result = verify(packed(house), tmp_path / "run", str(house.log_key), POLICY)
    assert (result.code, result.level, result.at("L4")) == (1, "L1", False)


def test_a_cosignature_over_another_log_does_not_count(house: House, tmp_path: Path) -> None:
    """Witnesses that saw another past agree with nobody here."""
    other = lived(tmp_path / "other")
    cosigned(other, "w1", "w2")
    theirs = files_of(packed(other))["anchors/cosigned-1.checkpoint"]
    cosigned(house, "w1", "w2")
    pack = rebuilt(packed(house), lambda files: files.update({"anchors/cosigned-1.checkpoint": theirs}))
    assert verify(pack, tmp_path / "run", str(house.log_key), POLICY).at("L4") is False


def test_a_verifier_who_knows_the_old_key_follows_to_the_new_one(house: House, tmp_path: Path) -> None:
    """Both keys signed the change, and the record of it is in the pack."""
    rotate_key(house.url, house.folder / "keys" / "ledger.key", ORIGIN, reason="It is a year old.", environment="local", overlap=0)
    house.trains(3)
    house.checkpoint()
    result = verify(packed(house), tmp_path / "run", str(house.log_key))
    assert (result.code, result.level) == (0, "L1")


def test_a_stranger_s_key_does_not_become_the_log_s_by_being_named(house: House, tmp_path: Path) -> None:
    """A log of somebody else, which changed its own key, is still not this one."""
    stranger = lived(tmp_path / "stranger")
    rotate_key(stranger.url, stranger.folder / "keys" / "ledger.key", ORIGIN, reason="Because.", environment="local", overlap=0)
    stranger.trains(3)
    stranger.checkpoint()
    result = verify(packed(stranger), tmp_path / "run", str(house.log_key))
    assert (result.code, result.level, result.at("L1")) == (1, "L0", False)


def test_the_command_for_a_time_stamp_works_as_it_is_printed(house: House, tool: Callable[[str], str], tmp_path: Path) -> None:
    """Run in the unpacked folder, with the certificate that the auditor trusts, openssl says that the stamp holds."""
    authority = LocalAuthority(tmp_path / "authority", tool("openssl"))
    note = house.checkpoint().encode()
    seen_by(house, "authority", "timestamp", readable(authority.answer(TimestampRequest.over(note).der)))
    pack = packed(house)
    result = verify(pack, tmp_path / "run", str(house.log_key), authority.root)
    (told,) = [check["what"] for check in result.said["checks"] if check["level"] == "L3"]
    command = told[told.index("openssl") :].split()
    for path, content in files_of(pack).items():
        (tmp_path / "unpacked" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "unpacked" / path).write_bytes(content)
    (tmp_path / "unpacked" / command[-1]).write_text(authority.root, encoding="utf-8")
    outcome = subprocess.run(command, cwd=tmp_path / "unpacked", capture_output=True, text=True, timeout=60, check=False)
    assert outcome.returncode == 0, outcome.stderr


def test_a_change_of_keys_from_no_size_at_all_hands_nothing_over(house: House, tmp_path: Path) -> None:
    """Somebody who makes both keys can sign a change from the first record on: neither is one that the verifier knows."""
    stranger = lived(tmp_path / "stranger")
    rotation = Rotation.signed(
        SigningKey.generate(ORIGIN),
        SigningKey.parse((stranger.folder / "keys" / "ledger.key").read_text(encoding="utf-8")),
        from_size=0,
        old_until_size=10**6,
        reason="Believe me.",
    )
    body = bodies.LogKeyRotated(
        old_key=str(rotation.old),
        new_key=str(rotation.new),
        from_size=rotation.from_size,
        old_until_size=rotation.old_until_size,
        reason=rotation.reason,
        old_signature=base64.b64encode(rotation.old_signature).decode(),
        new_signature=base64.b64encode(rotation.new_signature).decode(),
    )
    stranger.happened(body, Subject(kind="key", name="log"))
    with LedgerRows(stranger.url, writable=True) as rows:
        head = Frontier.from_bytes(rows.head().frontier)
        checkpoint = Checkpoint(ORIGIN, head.size, head.root())
        key = SigningKey.parse((stranger.folder / "keys" / "ledger.key").read_text(encoding="utf-8"))
        rows.keep_checkpoint(head.size, head.root(), sign(checkpoint, key))
    result = verify(packed(stranger), tmp_path / "run", str(house.log_key))
    assert (result.code, result.level, result.at("L1")) == (1, "L0", False)
