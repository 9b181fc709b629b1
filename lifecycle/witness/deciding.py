"""What a witness answers (C2SP tlog-witness v1), apart from how the question came.

| status | says                                                                             |
| ------ | -------------------------------------------------------------------------------- |
| 200    | cosigned: the log continues what was cosigned before                             |
| 400    | this is no such request, or the old size is larger than the new one              |
| 403    | no key that is trusted for this log signed the checkpoint                        |
| 404    | this log is not known here                                                       |
| 409    | the old size is not the one that was cosigned last, which the answer says        |
| 422    | the proof does not hold, or the same size has another root: the log was rewritten |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Self

from lifecycle.errors import LifecycleError, MalformedRecord, Tampered
from lifecycle.proofs.cosignatures import WitnessSigner
from lifecycle.proofs.merkle import HASH_BYTES, verify_consistency
from lifecycle.proofs.notes import Checkpoint, VerifierKey, open_note
from lifecycle.proofs.signature_lines import SignatureLine, decode, put_together, taken_apart
from lifecycle.witness.memory import WitnessMemory

SIZE_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain; charset=utf-8"

_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")
_MOST_HASHES = 63


@dataclass(frozen=True)
class Answer:
    """An HTTP status, and what stands in the body."""

    status: int
    text: str
    content_type: str = TEXT_TYPE


@dataclass(frozen=True)
class AddCheckpoint:
    """A request to cosign: from which size on it proves, how, and the signed note."""

    old_size: int
    path: tuple[bytes, ...]
    note: str

    @classmethod
    def parse(cls, body: str) -> Self:
        """A request from its body. Raises MalformedRecord."""
        head, separator, note = body.partition("\n\n")
        first, *hashes = head.split("\n")
        old = _OLD.fullmatch(first)
        path = tuple(decode(line) for line in hashes)
        if not separator or old is None or len(path) > _MOST_HASHES or any(len(sibling) != HASH_BYTES for sibling in path):
            raise MalformedRecord("This is no request to add a checkpoint.", "Send what C2SP's tlog-witness asks for.")
        return cls(int(old[1]), path, note)


class Witness:
    """One witness: its key, the logs that it knows, and what it remembers of them. Threads may ask at once; they take turns."""

    def __init__(
        self, signer: WitnessSigner, logs: Mapping[str, Sequence[VerifierKey]], memory: WitnessMemory, now: Callable[[], int]
    ) -> None:
        self._signer = signer
        self._logs = logs
        self._memory = memory
        self._now = now
        #: What is compared and what is remembered are one step: two requests must not roll each other back.
        self._turn = Lock()

    def add_checkpoint(self, body: str) -> Answer:
        """Judges one request. Raises Unavailable or Tampered only where the witness's own memory fails."""
        try:
            request = AddCheckpoint.parse(body)
            text, lines = taken_apart(request.note)
            claimed = Checkpoint.parse(text)
        except MalformedRecord as error:
            return Answer(400, f"{error.what}\n")
        keys = self._logs.get(claimed.origin)
        if keys is None:
            return Answer(404, "This log is not known here.\n")
        try:
            checkpoint = open_note(request.note, keys)
        except Tampered as error:
            return Answer(403, f"{error.what}\n")
        if request.old_size > checkpoint.size:
            return Answer(400, "The old size is larger than the new one.\n")
        with self._turn:
            return self._cosigned_after(request, checkpoint, text, [line for line in lines if any(key.is_key_of(line) for key in keys)])

    def latest_note(self, hashed_origin: str) -> Answer:
        """The last checkpoint that was cosigned of a log."""
        note = self._memory.note(hashed_origin)
        return Answer(404, "Nothing was cosigned of this log.\n") if note is None else Answer(200, note)

    def _cosigned_after(self, request: AddCheckpoint, checkpoint: Checkpoint, text: str, by_log: Sequence[SignatureLine]) -> Answer:
        latest = self._memory.latest(checkpoint.origin)
        if request.old_size != latest.size:
            return Answer(409, f"{latest.size}\n", SIZE_TYPE)
        try:
            verify_consistency(latest.size, checkpoint.size, request.path, latest.root_hash, checkpoint.root_hash)
        except LifecycleError as error:
            return Answer(422, f"{error.what}\n")
        cosignature = self._signer.cosign(text, self._now())
        self._memory.keep(checkpoint.origin, put_together(text, [*by_log, cosignature]))
        return Answer(200, f"{cosignature}\n")
