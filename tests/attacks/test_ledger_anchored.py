"""Attacks on a ledger that a witness cosigned and an authority stamped: what only they can show, at the level where it shows.

The attacker owns the database and has stolen the log's key. The auditor trusts the witness's key and the authority's certificate,
which they had from elsewhere, and holds no ledger checkpoint.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle.errors import Tampered
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.receipts import AnchorKind, AnchorReceipt, ReceiptBook
from lifecycle.ledger.verifying.findings import Verification
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.proofs.merkle import root_of
from lifecycle.proofs.notes import Checkpoint, sign
from lifecycle.proofs.signature_lines import SignatureLine, encode
from lifecycle.proofs.timestamps import TimestampRequest, open_timestamp
from lifecycle.proofs.trust import Trust
from lifecycle.witness.deciding import Witness
from tests.anchors.authority import LocalAuthority
from tests.ledger.happenings import ORIGIN, happening
from tests.ledger.places import EVERY_DATABASE
from tests.ledger.victim import ALTER_FIVE, Victim, said
from tests.witness.logs import SIGNER, witness_at

pytestmark = EVERY_DATABASE

YEAR_US = 365 * 24 * 3_600_000_000
TRUSTED_WITNESS = Trust.read(f"{SIGNER.verifier}\n")


@pytest.fixture(scope="session")
def authority(tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> LocalAuthority:
    return LocalAuthority(tmp_path_factory.mktemp("authority"), tool("openssl"))


class AnchoredVictim:
    """A victim of twelve records whose checkpoint of twelve was stamped and cosigned, and the two who did it."""

    def __init__(self, victim: Victim, witness: Witness, authority: LocalAuthority) -> None:
        self.victim = victim
        self.witness = witness
        self.authority = authority
        victim.sign()
        self.stamp(victim)
        self.cosign(victim)

    def stamp(self, of: Victim) -> None:
        """Has the authority stamp the latest checkpoint. It stamps whatever it is shown."""
        note = latest_note(of)
        answer = self.authority.answer(TimestampRequest.over(note.encode()).der)
        keep(of, "clock", "timestamp", note, open_timestamp(answer, note.encode(), [self.authority.root]).at_us, answer)

    def cosign(self, of: Victim, old: int = 0) -> None:
        """Has the witness cosign the latest checkpoint, with a proof from what it saw last. Raises Tampered where it refuses."""
        note = latest_note(of)
        with Ledger.open(of.url, origin=ORIGIN) as ledger:
            path = ledger.consistency(old, Checkpoint.parse(note).size) if old else ()
        lines = "".join(f"{encode(sibling)}\n" for sibling in path)
        answer = self.witness.add_checkpoint(f"old {old}\n{lines}\n{note}")
        if answer.status != 200:
            raise Tampered(f"{answer.status}: {answer.text}", "")
        found = SIGNER.verifier.opened(Checkpoint.parse(note).text(), SignatureLine.parse(answer.text.rstrip("\n")))
        assert found is not None
        keep(of, SIGNER.verifier.name, "witness", note, found.at_us, answer.text.encode())

    def audit(self, of: Victim, *, witness: bool = True, stamps: bool = True) -> Verification:
        """As the auditor does."""
        stamped = Trust(origin=ORIGIN, tsa_certificates=(self.authority.root,) if stamps else ())
        return verify_ledger(of.url, of.log_key, trust=Trust.joined((stamped, TRUSTED_WITNESS) if witness else (stamped,)))


def latest_note(of: Victim) -> str:
    note: str = of.place.fetch("SELECT note FROM checkpoints ORDER BY tree_size DESC LIMIT 1")[0][0]
    return note


def keep(of: Victim, anchor: str, kind: AnchorKind, note: str, at_us: int, receipt: bytes) -> None:
    checkpoint = Checkpoint.parse(note)
    with ReceiptBook(of.url, writable=True) as book:
        book.keep(AnchorReceipt(anchor, kind, checkpoint.size, checkpoint.root_hash, at_us, note, receipt))


@pytest.fixture
def anchored(victim: Victim, authority: LocalAuthority, tmp_path: Path) -> AnchoredVictim:
    return AnchoredVictim(victim, witness_at(tmp_path / "witness", victim.log_key, now=lambda: int(time.time())), authority)


def rebuilt(of: AnchoredVictim, *, receipts: bool) -> Victim:
    """The log with another fifth record, made to fit in every part, and signed with the stolen key."""
    attacked = of.victim.twin()
    attacked.place.tamper(ALTER_FIVE)
    attacked.rehash()
    attacked.rebuild_checkpoints(attacked.stolen_key)
    if not receipts:
        attacked.place.change("DELETE FROM anchors")
    return attacked


def test_an_untouched_ledger_reaches_the_top(anchored: AnchoredVictim) -> None:
    """The attacks below start from a ledger that is stamped and witnessed."""
    result = anchored.audit(anchored.victim)
    assert (result.ok, result.level) == (True, "L4"), said(result)
    assert anchored.audit(anchored.victim, witness=False).level == "L3"


def test_a_log_rebuilt_with_the_stolen_key_breaks_l3_and_l4(anchored: AnchoredVictim) -> None:
    """The receipts that are kept beside it are over other records, and can't be made anew."""
    result = anchored.audit(rebuilt(anchored, receipts=True))
    assert (result.ok, result.level) == (False, "L1"), said(result)
    assert {"L3", "L4"} <= {finding.breaks for finding in result.findings}


def test_a_log_rebuilt_without_its_receipts_reaches_l1_and_no_more(anchored: AnchoredVictim) -> None:
    """Dropping the receipts hides the contradiction, and with it every level above the log's own signature."""
    attacked = rebuilt(anchored, receipts=False)
    result = anchored.audit(attacked)
    assert (result.level, result.stamped_size, result.witnessed_size) == ("L1", None, None)


def test_the_witness_cosigns_no_rebuilt_log(anchored: AnchoredVictim) -> None:
    """It remembers what it saw: the thief gets no cosignature, whether the log is as long or longer; L4 stays out of reach."""
    attacked = rebuilt(anchored, receipts=False)
    with pytest.raises(Tampered, match=r"^4(09|22)"):
        anchored.cosign(attacked, old=12)
    with Ledger.open(attacked.url, origin=ORIGIN) as ledger:
        ledger.append(happening(50))
        head = ledger.head()
    longer = sign(Checkpoint(ORIGIN, head.size, head.root), attacked.stolen_key)
    attacked.place.change("INSERT INTO checkpoints VALUES (?, ?, ?)", (head.size, head.root, longer))
    with pytest.raises(Tampered, match=r"^4(09|22)"):
        anchored.cosign(attacked, old=12)
    assert anchored.audit(attacked).level == "L1"


def test_the_authority_stamps_a_rebuilt_log_and_its_time_tells(anchored: AnchoredVictim) -> None:
    """The honest limit of L3: a stamp says from when on a log stood so, not that there was no other. Only the old stamp convicts it."""
    attacked = rebuilt(anchored, receipts=False)
    anchored.stamp(attacked)
    assert anchored.audit(attacked, witness=False).level == "L3"
    both = rebuilt(anchored, receipts=True)
    anchored.stamp(both)
    result = anchored.audit(both, witness=False)
    assert (result.ok, result.level) == (False, "L1"), said(result)


def test_of_two_views_only_one_is_witnessed(anchored: AnchoredVictim) -> None:
    """A fork after the last cosignature: both are signed by the log, and the witness goes on with the first that it is shown."""
    views = [anchored.victim.twin(), anchored.victim.twin()]
    for number, view in enumerate(views):
        with Ledger.open(view.url, origin=ORIGIN) as ledger:
            ledger.append(happening(100 + number))
            head = ledger.head()
        note = sign(Checkpoint(ORIGIN, head.size, head.root), view.stolen_key)
        view.place.change("INSERT INTO checkpoints VALUES (?, ?, ?)", (head.size, head.root, note))
    anchored.cosign(views[0], old=12)
    with pytest.raises(Tampered, match=r"^4(09|22)"):
        anchored.cosign(views[1], old=12)
    assert anchored.audit(views[0]).witnessed_size == 13
    assert anchored.audit(views[1]).witnessed_size == 12


def test_a_tail_dropped_below_what_was_seen_is_named(anchored: AnchoredVictim) -> None:
    """With its checkpoints dropped the rest is whole and signed; the receipts know of more."""
    attacked = anchored.victim.twin()
    attacked.place.tamper("DELETE FROM events WHERE leaf_index >= 10; DELETE FROM checkpoints WHERE tree_size > 10")
    attacked.rehash()
    result = anchored.audit(attacked)
    assert (result.ok, result.level) == (False, "L1"), said(result)
    assert "12 records, but the ledger has 10: the last 2 were dropped" in said(result)


def test_a_record_backdated_past_an_anchor_is_named(anchored: AnchoredVictim) -> None:
    """What is written today and claims to have happened last year breaks L3, by its index, type and id."""
    old = happening(60)
    with Ledger.open(anchored.victim.url, origin=ORIGIN) as ledger:
        receipt = ledger.append(old.model_copy(update={"occurred_at_us": old.occurred_at_us - YEAR_US}))
    anchored.victim.sign()
    result = anchored.audit(anchored.victim)
    assert (result.ok, result.level) == (False, "L1"), said(result)
    assert [(finding.index, finding.breaks) for finding in result.findings] == [(receipt.index, "L3")]
    assert f"record {receipt.index} (KeyRevoked, id {old.id})" in said(result)
    assert "backdated" in said(result)


@pytest.mark.parametrize("kind", ["timestamp", "witness"])
def test_a_receipt_replayed_onto_other_records_does_not_count(anchored: AnchoredVictim, kind: AnchorKind) -> None:
    """Laid beside a rebuilt log under its new note, an old stamp or cosignature is over other bytes."""
    attacked = rebuilt(anchored, receipts=False)
    for anchor, at_us, receipt in anchored.victim.place.fetch(f"SELECT anchor, at_us, receipt FROM anchors WHERE kind = '{kind}'"):
        head = attacked.place.fetch("SELECT leaf_hash FROM events ORDER BY leaf_index")
        note = sign(Checkpoint(ORIGIN, 12, root_of(row[0] for row in head)), attacked.stolen_key)
        keep(attacked, anchor, kind, note, at_us, receipt)
    result = anchored.audit(attacked)
    assert (result.ok, result.level) == (False, "L1"), said(result)
    assert result.findings[0].breaks in {"L3", "L4"}
