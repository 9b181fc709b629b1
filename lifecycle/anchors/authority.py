"""A time-stamp authority as an anchor (RFC 3161 over HTTP): says when a signed ledger checkpoint existed, by its own clock.

What is stamped is the signed note, so that the signature is shown to be as old: one that was stamped before a key was stolen was
not made by the thief.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from lifecycle.anchors.anchor import Seen, Submission
from lifecycle.anchors.posting import post
from lifecycle.errors import Unavailable
from lifecycle.proofs.timestamps import REQUEST_TYPE, TimestampRequest, open_timestamp, readable


@dataclass(frozen=True)
class AuthorityAnchor:
    """An authority by its URL, and the certificates that its stamps must hold under."""

    name: str
    url: str
    certificates: tuple[str, ...]
    kind: ClassVar[Literal["timestamp"]] = "timestamp"

    def take(self, submission: Submission) -> Seen:
        """Has the note stamped. A stamp that would not hold later is not kept now."""
        note = submission.note.encode()
        request = TimestampRequest.over(note)
        answer = post(self.url, request.der, content_type=REQUEST_TYPE)
        if answer.status != 200:
            raise Unavailable(
                f"The time-stamp authority {self.name} answers with {answer.status}.", "Check its address, and ask its operator."
            )
        stamp = open_timestamp(answer.content, note, self.certificates, nonce=request.nonce)
        return Seen(stamp.at_us, readable(answer.content))
