"""What verification finds, and how far a ledger can be trusted after it."""

from __future__ import annotations

import base64
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

#: What can be broken, and what can be reached, lowest first.
Assurance = Literal["L0", "L1", "L2", "L3", "L4"]
Level = Literal["none", "L0", "L1", "L2", "L3", "L4"]


@dataclass(frozen=True)
class Finding:
    """Something that does not hold: in which record, where one can be named, and the lowest level that it breaks.

    `breaks` is None for a notice: something to be told, although nothing is broken.
    """

    index: int | None
    what: str
    breaks: Assurance | None = "L0"


@dataclass(frozen=True)
class Exposure:
    """What could still be rewritten unseen: the records after the last ledger checkpoint that somebody outside has seen."""

    #: The name of the anchor that saw it, how many records it covers, and when that was.
    anchor: str
    size: int
    at_us: int
    #: How many records came after it, and how old it is at the time of the verification.
    leaves_since: int
    age_us: int


@dataclass(frozen=True)
class Verification:
    """The result. `root` is what the stored bytes hash to; `signed_size` is how many records a signature covers."""

    origin: str
    size: int
    root: bytes
    level: Level
    signed_size: int
    held_size: int | None
    findings: tuple[Finding, ...]
    #: How many records a trusted time stamp covers, and how many a quorum of trusted witnesses has cosigned.
    stamped_size: int | None = None
    witnessed_size: int | None = None
    #: Told, but nothing is broken by it; `breaks` is None in each.
    notices: tuple[Finding, ...] = ()
    #: None where no anchor has ever seen the ledger.
    exposure: Exposure | None = None
    #: False where the rows and the tree were looked at alone, and not what the records say.
    records_read: bool = True

    @property
    def ok(self) -> bool:
        """Whether nothing is broken. A ledger that nobody signed holds as well: `level` says how far."""
        return not self.findings

    @property
    def root_text(self) -> str:
        """The root as a ledger checkpoint writes it, so that the two can be compared by eye."""
        return base64.b64encode(self.root).decode()

    @property
    def unsigned(self) -> int:
        """How many of the latest records no signature covers yet."""
        return max(self.size - self.signed_size, 0)


def level_reached(findings: Sequence[Finding], shown: Collection[Assurance]) -> Level:
    """The highest level that was shown and below which nothing is broken.

    `shown` holds each level from L1 up for which the verifier had something to hold the ledger against, and it
    held. A level does not need those between: witnesses also show what a held checkpoint would have shown.
    """
    broken = {finding.breaks for finding in findings}
    reached: Level = "none"
    for level in get_args(Assurance):
        if level in broken:
            break
        if level == "L0" or level in shown:
            reached = level
    return reached


def named(index: object, kind: object, event_id: object) -> str:
    """A record as a finding names it: by its place, its type and its id."""
    return f"record {index} ({kind}, id {event_id})"
