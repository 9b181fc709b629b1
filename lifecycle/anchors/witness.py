"""A witness as an anchor (C2SP tlog-witness): it cosigns a ledger checkpoint that continues what it has seen of the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from lifecycle.anchors.anchor import Seen, Submission
from lifecycle.anchors.posting import post
from lifecycle.errors import LifecycleError, MalformedRecord, Tampered, Unavailable
from lifecycle.outbound import Answered, plain
from lifecycle.proofs.cosignatures import Cosignature, WitnessKey
from lifecycle.proofs.signature_lines import SignatureLine, encode, taken_apart

#: Sizes that a witness was asked to go on from before it is left alone: it moves on under us only where somebody else anchors too.
_ATTEMPTS = 3


@dataclass(frozen=True)
class WitnessAnchor:
    """A witness by its submission prefix, and the key that it cosigns with."""

    name: str
    url: str
    key: WitnessKey
    kind: ClassVar[Literal["witness"]] = "witness"

    def take(self, submission: Submission) -> Seen:
        """Has the checkpoint cosigned. The witness says itself from which size on it wants the consistency proof."""
        old = 0
        for _ in range(_ATTEMPTS):
            answer = self._asked(submission, old)
            if answer.status == 409:
                old = self._size_in(answer, submission)
                continue
            if answer.status == 200:
                line, cosignature = self._cosigned(answer, submission)
                return Seen(cosignature.at_us, f"{line}\n".encode())
            raise self._refusal(answer, old)
        raise Unavailable(f"The witness {self.name} changes its mind about what it has seen.", "Ask its operator, and try again.")

    def _asked(self, submission: Submission, old: int) -> Answered:
        try:
            path = submission.consistency(old) if old else ()
        except LifecycleError as error:
            raise self._fork(old, error.what) from error
        lines = "".join(f"{encode(sibling)}\n" for sibling in path)
        body = f"old {old}\n{lines}\n{submission.note}".encode()
        return post(f"{self.url.rstrip('/')}/add-checkpoint", body, content_type="text/plain; charset=utf-8")

    def _size_in(self, answer: Answered, submission: Submission) -> int:
        said = answer.content.decode(errors="replace").strip()
        if not (said.isascii() and said.isdigit() and len(said) < 19):
            raise Unavailable(f"The witness {self.name} says that it has seen {said[:40]!r} records.", "Ask its operator.")
        if int(said) > submission.checkpoint.size:
            raise self._fork(int(said), f"the ledger has {submission.checkpoint.size}: its tail was dropped.")
        return int(said)

    def _cosigned(self, answer: Answered, submission: Submission) -> tuple[SignatureLine, Cosignature]:
        text, _ = taken_apart(submission.note)
        for said in answer.content.decode(errors="replace").splitlines():
            try:
                line = SignatureLine.parse(said)
            except MalformedRecord as error:
                raise Unavailable(
                    f"The witness {self.name} answers with something else than signature lines.", "Check its address, and ask its operator."
                ) from error
            found = self.key.opened(text, line)
            if found is not None:
                return line, found
        raise Unavailable(
            f"The witness {self.name} signs with another key than the declared one.", "Ask its operator for its verifier key."
        )

    def _refusal(self, answer: Answered, old: int) -> LifecycleError:
        said = plain(answer.content.decode(errors="replace"))[:300] or "without a reason"
        if answer.status == 422:
            return self._fork(old, f"it finds the proof wanting ({said}).")
        if answer.status in {403, 404}:
            return Unavailable(
                f"The witness {self.name} does not know this log or its key ({answer.status}: {said}).",
                "Give its operator the log's verifier key (`lifecycle ledger trust`).",
            )
        return Unavailable(f"The witness {self.name} answers with {answer.status}: {said}.", "Ask its operator.")

    def _fork(self, old: int, why: str) -> Tampered:
        return Tampered(
            f"The ledger does not continue what the witness {self.name} has seen at {old} records: {why}",
            "Nothing was anchored. Keep a copy of the ledger as evidence, and run `lifecycle ledger verify`.",
        )
