"""Those outside who have seen a victim's ledger: an authority that stamps, and three witnesses that remember."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.receipts import AnchorKind, AnchorReceipt, ReceiptBook
from lifecycle.ledger.verifying.findings import Verification
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.proofs.cosignatures import WitnessSigner
from lifecycle.proofs.notes import Checkpoint
from lifecycle.proofs.signature_lines import encode
from lifecycle.proofs.timestamps import TimestampRequest, open_timestamp
from lifecycle.proofs.trust import Trust
from lifecycle.proofs.witness_policy import WitnessPolicy
from lifecycle.witness.deciding import Answer, Witness
from lifecycle.witness.memory import WitnessMemory
from tests.anchors.authority import LocalAuthority
from tests.ledger.happenings import ORIGIN
from tests.ledger.victim import Victim


@dataclass
class Outsiders:
    """They know the log's key and nothing else of its operator."""

    victim: Victim
    authority: LocalAuthority
    folder: Path
    signers: list[WitnessSigner] = field(default_factory=lambda: [WitnessSigner(f"w{n}.example", bytes([n + 1]) * 32) for n in range(3)])

    @property
    def witnesses(self) -> list[Witness]:
        logs = {ORIGIN: [self.victim.log_key]}
        return [Witness(signer, logs, WitnessMemory(self.folder / signer.name), lambda: int(time.time())) for signer in self.signers]

    def anchor(self, url: str, note: str) -> list[Answer]:
        """Has everybody see a checkpoint of the ledger there, and keeps what they answer with it; returns what the witnesses said."""
        self.stamp(url, note)
        return [self.cosign(url, note, number) for number in range(len(self.signers))]

    def stamp(self, url: str, note: str) -> int:
        """Has a note stamped, whatever it says: an authority does not look into it. Returns its time in microseconds."""
        stamp = self.authority.answer(TimestampRequest.over(note.encode()).der)
        at_us = open_timestamp(stamp, note.encode(), [self.authority.root]).at_us
        self._keep(url, "clock", "timestamp", note, at_us, stamp)
        return at_us

    def cosign(self, url: str, note: str, number: int) -> Answer:
        """Asks one witness, with the best proof that the ledger there can give."""
        witness, checkpoint = self.witnesses[number], Checkpoint.parse(note)
        seen = witness.add_checkpoint(f"old 0\n\n{note}")
        if seen.status == 409:
            with Ledger.open(url, origin=ORIGIN) as ledger:
                old = int(seen.text)
                path = ledger.consistency(old, checkpoint.size) if old <= checkpoint.size else ()
            lines = "".join(f"{encode(sibling)}\n" for sibling in path)
            seen = witness.add_checkpoint(f"old {old}\n{lines}\n{note}")
        if seen.status == 200:
            self._keep(url, self.signers[number].name, "witness", note, int(time.time()) * 1_000_000, seen.text.encode())
        return seen

    def trust(self, *, held: tuple[str, ...] = ()) -> Trust:
        """What an auditor carried off: the log's key, two of the three witnesses, the authority, and what they held."""
        policy = "".join(f"witness w{number} {signer.verifier}\n" for number, signer in enumerate(self.signers))
        policies = (WitnessPolicy.parse(policy + "group two 2 w0 w1 w2\nquorum two\n"),)
        return Trust(ORIGIN, (self.victim.log_key,), policies, (self.authority.root,), held)

    def verified(self, url: str, *, held: tuple[str, ...] = ()) -> Verification:
        return verify_ledger(url, None, trust=self.trust(held=held))

    def _keep(self, url: str, anchor: str, kind: AnchorKind, note: str, at_us: int, receipt: bytes) -> None:
        checkpoint = Checkpoint.parse(note)
        with ReceiptBook(url, writable=True) as book:
            book.keep(AnchorReceipt(anchor, kind, checkpoint.size, checkpoint.root_hash, at_us, note, receipt))
