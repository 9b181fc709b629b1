"""Verification of anchors' receipts: whose they are, what they saw, and when; each only as far as the verifier trusts its anchor.

The receipts lie beside the leaves, where anybody who can write there can drop or add some. So none counts by being there: a
time stamp counts under a certificate that the verifier trusts, cosignatures count where they are a quorum of the verifier's
policy, and a note that only lies somewhere is one more ledger checkpoint that the log signed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from lifecycle.errors import LifecycleError
from lifecycle.ledger.receipts import AnchorKind, AnchorReceipt, exposure_of
from lifecycle.ledger.verifying.findings import Assurance, Exposure, Finding
from lifecycle.ledger.verifying.structure import WrittenRoot
from lifecycle.ledger.verifying.time_check import SeenAt
from lifecycle.proofs.cosignatures import Cosignature, WitnessKey, cosignatures
from lifecycle.proofs.notes import Checkpoint, VerifierKey, open_note
from lifecycle.proofs.signature_lines import SignatureLine, with_signatures
from lifecycle.proofs.timestamps import open_timestamp
from lifecycle.proofs.trust import Trust
from lifecycle.records.counted import counted

#: The level that a receipt of each kind stands for, and that it breaks where it does not hold. What lies in a folder or a repository is
#: one more signature of the log: it shows at L2 to whoever fetches it from there themselves, and not to whoever reads of it here.
_LEVELS: dict[AnchorKind, Assurance] = {"folder": "L1", "git": "L1", "timestamp": "L3", "witness": "L4"}


class AnchorCheck:
    """Judges receipts, and the cosignatures on notes that the verifier held. Tells what does not hold to `report`."""

    def __init__(self, trust: Trust, keys: Sequence[VerifierKey], report: Callable[[Finding], None]) -> None:
        self._trust = trust
        self._keys = keys
        self._report = report
        self._untrusted: dict[str, int] = {}
        self._elsewhere = 0
        self._cosigned: dict[Checkpoint, set[WitnessKey]] = {}
        #: What shows by itself that somebody outside has seen it: with the time that they say.
        self._proven: list[AnchorReceipt] = []
        self._held: set[Checkpoint] = set()
        #: What the records must hash to, as anchors saw it.
        self.roots: list[WrittenRoot] = []
        #: When somebody who is believed saw how much of the ledger.
        self.seen: list[SeenAt] = []

    def judge(self, receipts: Iterable[AnchorReceipt], held_notes: Sequence[str]) -> None:
        """Takes everything in; afterwards `roots` and `seen` are whole."""
        for note in held_notes:
            self._judge_held(note)
        for receipt in receipts:
            try:
                self._judge(receipt)
            except LifecycleError as error:
                told = f"the receipt of the anchor {receipt.anchor} over {counted(receipt.size, 'record')} does not count: {error.what}"
                self._report(Finding(None, told, _LEVELS[receipt.kind]))
        self.roots += self._witnessed()
        self._tell_untrusted()

    def exposure(self, size: int, now_us: int) -> Exposure | None:
        """What no anchor has seen of a ledger of this size, by the receipts that verify: anybody could have written the others."""
        return exposure_of([receipt for receipt in self._proven if receipt.size <= size], size, now_us)

    def _judge(self, receipt: AnchorReceipt) -> None:
        checkpoint = open_note(receipt.note, self._keys) if self._keys else Checkpoint.parse(receipt.note)
        if (checkpoint.size, checkpoint.root_hash) != (receipt.size, receipt.root):
            told = f"the columns of a receipt of the anchor {receipt.anchor} are not what its note says"
            self._report(Finding(None, told, _LEVELS[receipt.kind]))
        if receipt.kind == "timestamp":
            self._stamped(receipt, checkpoint)
        elif receipt.kind == "witness":
            self._cosigned_by(receipt, checkpoint)
        else:
            self.roots.append(_root(checkpoint, f"what the anchor {receipt.anchor} was shown", _LEVELS[receipt.kind]))
            if checkpoint in self._held:
                self._proven.append(receipt)
            else:
                self._elsewhere += 1

    def _stamped(self, receipt: AnchorReceipt, checkpoint: Checkpoint) -> None:
        if not self._trust.tsa_certificates:
            self._untrusted["time stamps"] = self._untrusted.get("time stamps", 0) + 1
            return
        stamp = open_timestamp(receipt.receipt, receipt.note.encode(), self._trust.tsa_certificates)
        if stamp.at_us != receipt.at_us:
            self._report(
                Finding(None, f"a receipt of the anchor {receipt.anchor} says another time than its time stamp", _LEVELS["timestamp"])
            )
        self.roots.append(_root(checkpoint, f"the time stamp of {receipt.anchor}", _LEVELS["timestamp"]))
        self.seen.append(SeenAt(checkpoint.size, stamp.at_us, receipt.anchor))
        self._proven.append(replace(receipt, size=checkpoint.size, at_us=stamp.at_us))

    def _cosigned_by(self, receipt: AnchorReceipt, checkpoint: Checkpoint) -> None:
        if not self._trust.witnesses:
            self._untrusted["cosignatures"] = self._untrusted.get("cosignatures", 0) + 1
            return
        lines = [SignatureLine.parse(line) for line in receipt.receipt.decode(errors="replace").splitlines()]
        found = cosignatures(with_signatures(receipt.note, lines), self._trust.witnesses)
        if not found:
            self._untrusted["cosignatures"] = self._untrusted.get("cosignatures", 0) + 1
        self._take(checkpoint, found)
        self._proven += [replace(receipt, size=checkpoint.size, at_us=one.at_us, anchor=one.witness.name) for one in found]

    def _judge_held(self, note: str) -> None:
        """A note that the verifier held may bring cosignatures itself; whether it counts at all is told elsewhere."""
        try:
            checkpoint = open_note(note, self._keys)
        except LifecycleError:
            return
        self._held.add(checkpoint)
        try:
            self._take(checkpoint, cosignatures(note, self._trust.witnesses))
        except LifecycleError as error:
            self._report(
                Finding(None, f"a cosignature on the ledger checkpoint that you hold does not count: {error.what}", _LEVELS["witness"])
            )

    def _take(self, checkpoint: Checkpoint, found: Sequence[Cosignature]) -> None:
        if found:
            self._cosigned.setdefault(checkpoint, set()).update(cosignature.witness for cosignature in found)
            self.seen += [SeenAt(checkpoint.size, cosignature.at_us, cosignature.witness.name) for cosignature in found]

    def _witnessed(self) -> Iterator[WrittenRoot]:
        for checkpoint, witnesses in self._cosigned.items():
            policies = self._trust.policies
            if policies and all(policy.satisfied_by(witnesses) for policy in policies):
                yield _root(checkpoint, "what a quorum of witnesses cosigned", _LEVELS["witness"])
            else:
                names = ", ".join(sorted(witness.name for witness in witnesses))
                yield _root(checkpoint, f"what {names} cosigned", "L1")

    def _tell_untrusted(self) -> None:
        for what, count in self._untrusted.items():
            told = f"{count} {what} are kept that nothing says who made: pass the certificates or the policy that you trust with --trust"
            self._report(Finding(None, told, None))
        if self._elsewhere:
            told = f"{self._elsewhere} receipts say what folders and repositories hold, and count for nothing here"
            self._report(Finding(None, f"{told}: fetch the ledger checkpoints from there, and pass them with --trust", None))


def _root(checkpoint: Checkpoint, where: str, level: Assurance) -> WrittenRoot:
    return WrittenRoot(checkpoint.size, checkpoint.root_hash, where, level)
