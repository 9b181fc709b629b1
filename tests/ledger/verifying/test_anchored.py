"""Verification of an anchored ledger: levels L3 and L4, exposure, changed keys and claimed times, each by what the verifier trusts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.log_key.keys import read_log_key
from lifecycle.ledger.log_key.rotating import rotate_key
from lifecycle.ledger.receipts import AnchorKind, AnchorReceipt, ReceiptBook
from lifecycle.ledger.verifying.findings import Verification
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.proofs.cosignatures import WitnessSigner
from lifecycle.proofs.notes import Checkpoint, VerifierKey
from lifecycle.proofs.timestamps import TimestampRequest, open_timestamp
from lifecycle.proofs.trust import Trust
from lifecycle.proofs.witness_policy import WitnessPolicy
from lifecycle.records.events import Event
from tests.anchors.authority import LocalAuthority
from tests.ledger.happenings import ORIGIN, happening, tamper
from tests.ledger.places import EVERY_DATABASE

WITNESSES = [WitnessSigner(f"w{number}.example", bytes([number + 1]) * 32) for number in range(3)]
TWO_OF_THREE = (
    "".join(f"witness w{number} {witness.verifier}\n" for number, witness in enumerate(WITNESSES)) + "group g 2 w0 w1 w2\nquorum g\n"
)
YEAR_US = 365 * 24 * 3_600_000_000


@pytest.fixture(scope="session")
def authority(tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> LocalAuthority:
    return LocalAuthority(tmp_path_factory.mktemp("authority"), tool("openssl"))


@dataclass
class Anchored:
    """A ledger, and hands that anchor it; what is trusted of them is said at each verification."""

    ledger: Ledger
    key: VerifierKey
    signed: Callable[[], str]
    authority: LocalAuthority
    stamped: list[AnchorReceipt] = field(default_factory=list)

    def stamp(self) -> AnchorReceipt:
        note = self.signed()
        answer = self.authority.answer(TimestampRequest.over(note.encode()).der)
        at_us = open_timestamp(answer, note.encode(), [self.authority.root]).at_us
        return self.keep("clock", "timestamp", note, at_us, answer)

    def cosign(self, *witnesses: WitnessSigner, at_seconds: int | None = None) -> None:
        note = self.signed()
        seconds = int(time.time()) if at_seconds is None else at_seconds
        for witness in witnesses:
            line = witness.cosign(Checkpoint.parse(note).text(), seconds)
            self.keep(witness.name, "witness", note, seconds * 1_000_000, f"{line}\n".encode())

    def keep(self, anchor: str, kind: AnchorKind, note: str, at_us: int, receipt: bytes) -> AnchorReceipt:
        checkpoint = Checkpoint.parse(note)
        made = AnchorReceipt(anchor, kind, checkpoint.size, checkpoint.root_hash, at_us, note, receipt)
        with ReceiptBook(self.ledger.url, writable=True) as book:
            book.keep(made)
        return made

    def verified(self, *, stamps: bool = True, policy: str | None = TWO_OF_THREE, held: tuple[str, ...] = ()) -> Verification:
        trust = Trust(
            origin=ORIGIN,
            log_keys=(self.key,),
            policies=() if policy is None else (WitnessPolicy.parse(policy),),
            tsa_certificates=(self.authority.root,) if stamps else (),
            checkpoints=held,
        )
        return verify_ledger(self.ledger, None, trust=trust)

    def append(self, *events: Event) -> None:
        with self.ledger.writing() as writer:
            writer.append_all(list(events) or [happening(0)])


@pytest.fixture
def anchored(ledger: Ledger, log_key: VerifierKey, signed: Callable[[], str], authority: LocalAuthority) -> Anchored:
    found = Anchored(ledger, log_key, signed, authority)
    found.append(happening(1), happening(2))
    return found


def told(result: Verification) -> list[tuple[str | None, str]]:
    return [(finding.breaks, finding.what) for finding in result.findings]


@EVERY_DATABASE
def test_a_time_stamp_that_is_trusted_reaches_l3(anchored: Anchored) -> None:
    """Without the certificate it is a note at the side, and the level is that of the log's own signature."""
    anchored.stamp()
    anchored.append()
    result = anchored.verified()
    assert (result.ok, result.level, result.stamped_size, result.size) == (True, "L3", 2, 3)
    without = anchored.verified(stamps=False)
    assert (without.ok, without.level, without.stamped_size) == (True, "L1", None)
    assert ["time stamps are kept that nothing says who made" in notice.what for notice in without.notices] == [True]


@EVERY_DATABASE
def test_a_quorum_of_trusted_witnesses_reaches_l4(anchored: Anchored) -> None:
    """One of the two that it takes is not enough, and neither are two that nobody trusts."""
    anchored.cosign(WITNESSES[0])
    assert anchored.verified().level == "L1"
    anchored.cosign(WITNESSES[2])
    result = anchored.verified()
    assert (result.ok, result.level, result.witnessed_size) == (True, "L4", 2)
    assert anchored.verified(policy=None).level == "L1"
    assert anchored.verified(policy=f"witness w {WITNESSES[1].verifier}\nquorum w\n").level == "L1"


def test_cosignatures_on_two_checkpoints_are_no_quorum_on_either(anchored: Anchored) -> None:
    """They must have seen the same tree."""
    anchored.cosign(WITNESSES[0])
    anchored.append()
    anchored.cosign(WITNESSES[1])
    assert anchored.verified().level == "L1"


def test_a_held_note_brings_its_cosignatures(anchored: Anchored) -> None:
    """The quorum may stand on the checkpoint that the verifier carried off, with nothing kept in the ledger."""
    from lifecycle.proofs.signature_lines import with_signatures

    note = anchored.signed()
    held = with_signatures(note, [witness.cosign(Checkpoint.parse(note).text(), int(time.time())) for witness in WITNESSES[:2]])
    result = anchored.verified(held=(held,))
    assert (result.ok, result.level, result.held_size, result.witnessed_size) == (True, "L4", 2, 2)


def test_the_exposure_is_what_no_anchor_has_seen(anchored: Anchored) -> None:
    """Of all anchors the one that saw most; none, where there is none."""
    assert anchored.verified().exposure is None
    stamped = anchored.stamp()
    anchored.append(happening(3), happening(4))
    found = anchored.verified().exposure
    assert found is not None
    assert (found.anchor, found.size, found.at_us, found.leaves_since) == ("clock", 2, stamped.at_us, 2)
    assert found.age_us >= 0
    note = anchored.signed()
    anchored.keep("archive", "folder", note, stamped.at_us + 1, b"/mnt/archive")
    later = anchored.verified(held=(note,)).exposure
    assert later is not None
    assert (later.anchor, later.leaves_since) == ("archive", 0)


def test_a_record_before_its_anchor_is_backdated(anchored: Anchored) -> None:
    """What came after a stamp and claims to be a year older breaks L3, and is named; the log itself holds."""
    stamped = anchored.stamp()
    guilty = happening(7).model_copy(update={"occurred_at_us": stamped.at_us - YEAR_US})
    anchored.append(guilty)
    result = anchored.verified()
    assert (result.ok, result.level) == (False, "L1")
    ((breaks, what),) = told(result)
    assert breaks == "L3"
    assert what.startswith(f"record 2 (KeyRevoked, id {guilty.id}) claims to have happened at")
    assert what.endswith("backdated")
    assert anchored.verified(stamps=False).ok


def test_a_record_after_its_anchor_is_postdated(anchored: Anchored) -> None:
    """What a stamp covers did not happen a year after it."""
    guilty = happening(7).model_copy(update={"occurred_at_us": int(time.time()) * 1_000_000 + YEAR_US})
    anchored.append(guilty)
    anchored.stamp()
    assert [what.endswith("postdated") for _, what in told(anchored.verified())] == [True]


def test_a_trusted_witness_bounds_times_as_a_stamp_does(anchored: Anchored) -> None:
    """Its cosignature has a time that it signed."""
    anchored.cosign(WITNESSES[0])
    anchored.append(happening(7).model_copy(update={"occurred_at_us": 1}))
    assert [breaks for breaks, _ in told(anchored.verified())] == ["L3"]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("receipt", "X'00'"),
        ("at_us", "at_us - 1000000"),
        ("tree_size", "1"),
        ("root_hash", "zeroblob(32)"),
        ("note", "replace(note, ' ', '  ')"),
        ("at_us", "'yesterday'"),
        ("kind", "'oracle'"),
    ],
)
def test_an_altered_receipt_is_named_and_does_not_count(anchored: Anchored, ledger_file: Path, column: str, value: str) -> None:
    """It breaks what it stood for, and never what the log says by itself."""
    anchored.stamp()
    tamper(ledger_file, f"UPDATE anchors SET {column} = {value}")
    result = anchored.verified()
    assert (result.ok, result.level) == (False, "L1")
    assert "anchor clock" in result.findings[0].what or "'clock'" in result.findings[0].what


@pytest.mark.parametrize(("column", "value"), [("tree_size", "1"), ("root_hash", "zeroblob(32)"), ("note", "replace(note, ' ', '  ')")])
def test_a_note_in_a_folder_is_one_more_signature_of_the_log(anchored: Anchored, ledger_file: Path, column: str, value: str) -> None:
    """It lies beside the leaves: altered, it breaks what the log's signature shows; what it says of the records does, too."""
    anchored.keep("archive", "folder", anchored.signed(), 1, b"/mnt/archive")
    anchored.stamp()
    assert anchored.verified().level == "L3"
    tamper(ledger_file, f"UPDATE anchors SET {column} = {value} WHERE kind = 'folder'")
    assert {breaks for breaks, _ in told(anchored.verified())} == {"L1"}


def test_a_receipt_over_another_ledger_does_not_fit(anchored: Anchored, tmp_path: Path, key_file: Path, log_key: VerifierKey) -> None:
    """A stamp on another past of the same log shows at L3: two pasts were signed."""
    from lifecycle.ledger.log_key.signing import sign_ledger

    with Ledger.open(f"sqlite:///{tmp_path}/other.db", origin=ORIGIN) as other:
        other.append(happening(99))
        note = sign_ledger(other.url, key_file, ORIGIN)
    key_file.with_suffix(".state").unlink()
    answer = anchored.authority.answer(TimestampRequest.over(note.encode()).der)
    anchored.keep("clock", "timestamp", note, open_timestamp(answer, note.encode(), [anchored.authority.root]).at_us, answer)
    result = anchored.verified()
    assert [breaks for breaks, _ in told(result)] == ["L3"]
    assert "the time stamp of clock" in result.findings[0].what


@EVERY_DATABASE
def test_a_log_that_changed_its_key_is_followed(anchored: Anchored, key_file: Path, signed: Callable[[], str]) -> None:
    """By the old key and by the new one; every checkpoint counts under the key that it was that key's to sign."""
    signed()
    rotate_key(anchored.ledger.url, key_file, ORIGIN, reason="yearly", environment="local", overlap=1)
    anchored.append(happening(5), happening(6))
    signed()
    new = read_log_key(key_file.parent)
    for key in (anchored.key, new):
        result = verify_ledger(anchored.ledger, key)
        assert (result.ok, result.level, result.signed_size) == (True, "L1", 5)


def test_a_forged_change_of_the_key_is_named(
    anchored: Anchored, key_file: Path, ledger_file: Path, monkeypatch: pytest.MonkeyPatch, signed: Callable[[], str]
) -> None:
    """A thief who can write leaves and has a key of their own takes nothing over."""
    from lifecycle.proofs.notes import SigningKey
    from lifecycle.proofs.rotation import Rotation
    from lifecycle.proofs.signature_lines import encode
    from lifecycle.records.bodies import LogKeyRotated
    from lifecycle.records.events import Subject
    from tests.ledger.happenings import SERVICE

    thief, other = SigningKey(ORIGIN, bytes(32)), SigningKey(ORIGIN, bytes([9]) * 32)
    forged = Rotation.signed(other, thief, from_size=3, old_until_size=3, reason="mine")
    body = LogKeyRotated(
        old_key=str(anchored.key),
        new_key=str(forged.new),
        from_size=3,
        old_until_size=3,
        reason="mine",
        old_signature=encode(forged.old_signature),
        new_signature=encode(forged.new_signature),
    )
    anchored.append(Event.happened(body, subject=Subject(kind="key", name="log"), actor=SERVICE, environment="local"))
    signed()
    result = anchored.verified()
    assert [(finding.index, finding.breaks) for finding in result.findings] == [(2, "L1")]
    assert "gives the log no other key" in result.findings[0].what


def test_many_receipts_are_judged_under_a_lock_of_nobody(anchored: Anchored) -> None:
    """Receipts are added while others verify."""
    anchored.stamp()
    results: list[Verification] = []
    thread = threading.Thread(target=lambda: results.append(anchored.verified()))
    thread.start()
    anchored.cosign(*WITNESSES)
    thread.join()
    assert results[0].ok
    assert anchored.verified().level == "L4"
