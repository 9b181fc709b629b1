"""One edge behind a prediction that was followed: where it led, and whether it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lifecycle.lineage.outline import Outline, Tone
from lifecycle.records.record import Digest, JsonObject

#: holds: it was found, and says what the one before it says. waiting: it comes by itself. missing: it is not there, or says
#: something else. unreached: it hangs on one that is missing.
Standing = Literal["holds", "waiting", "missing", "unreached"]
#: The parts of an explanation, in the order in which they are told.
Part = Literal["answer", "version", "allowed", "judged", "made", "proof"]


@dataclass(frozen=True)
class Step:
    """`edge` is the name that it goes by everywhere: on the terminal, in JSON, on the page and in an error."""

    part: Part
    edge: str
    what: str
    detail: str = ""
    digest: Digest | None = None
    #: The record that says so.
    index: int | None = None
    standing: Standing = "holds"
    #: Why it does not hold, or what it waits for.
    why: str = ""
    #: What a page or a program wants to know of it.
    facts: Mapping[str, Any] = field(default_factory=dict)
    tone: Tone = "plain"

    def as_json(self) -> JsonObject:
        """The same as a JSON object."""
        return {
            "edge": self.edge,
            "part": self.part,
            "what": self.what,
            "detail": self.detail,
            "digest": self.digest,
            "ledger_index": self.index,
            "standing": self.standing,
            "why": self.why,
            "facts": dict(self.facts),
        }

    def outline(self) -> Outline:
        """As a line of the tree."""
        tone: Tone = {"holds": self.tone, "waiting": "waiting", "missing": "bad", "unreached": "plain"}[self.standing]
        marked = {"missing": f"MISSING: {self.what}", "unreached": f"({self.what})"}.get(self.standing, self.what)
        metrics = (f"{name} {value}" for name, value in self.facts.get("metrics", {}).items())
        said = "  ".join(part for part in (self.detail, *metrics, self.why) if part)
        return Outline(marked, said, self.digest, self.index, tone)
