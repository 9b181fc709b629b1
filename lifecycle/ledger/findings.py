"""What verification finds, and how far a ledger can be trusted after it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

#: What was reached. L3 (time-stamped) and L4 (witnessed) need anchors outside the ledger.
Level = Literal["none", "L0", "L1", "L2"]


@dataclass(frozen=True)
class Finding:
    """Something that does not hold: in which record, where one can be named, and the lowest level that it breaks."""

    index: int | None
    what: str
    breaks: Literal["L0", "L1", "L2"] = "L0"


@dataclass(frozen=True)
class Verification:
    """The result. `root` is what the stored bytes hash to; `signed_size` is how many records a signature covers."""

    ok: bool
    origin: str
    size: int
    root: bytes
    level: Level
    signed_size: int
    held_size: int | None
    findings: tuple[Finding, ...]

    @property
    def root_text(self) -> str:
        """The root as a ledger checkpoint writes it, so that the two can be compared by eye."""
        return base64.b64encode(self.root).decode()

    @property
    def unsigned(self) -> int:
        """How many of the latest records no signature covers yet."""
        return max(self.size - self.signed_size, 0)


def level_reached(findings: Sequence[Finding], *, signed: bool, held: bool) -> Level:
    """The highest level below which nothing is broken."""
    broken = {finding.breaks for finding in findings}
    if "L0" in broken:
        return "none"
    if not signed or "L1" in broken:
        return "L0"
    if not held or "L2" in broken:
        return "L1"
    return "L2"
