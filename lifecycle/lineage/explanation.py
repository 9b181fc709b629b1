"""Why one prediction is what it is: which version answered, who and what allowed that, what it came from, and what proves it.

    prediction → what was asked
    prediction → segment → seal in the ledger → ledger checkpoint
    prediction → version → signature
               → deployment decision → rollout → route
                                     → policy bundle
                                     → promotion decision → approvals → enrolments
                                                          → evaluation → report
               → training → what allowed it, code
                          → dataset → source

Each arrow is an edge with a name. An edge holds where the record that it leads to is there and says what the one before it says; one
that does not is named, and what hangs on it alone is left unreached. Nothing is papered over: `require_whole` raises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lifecycle.errors import Tampered
from lifecycle.lineage.outline import Outline
from lifecycle.lineage.step import Part, Step
from lifecycle.records.record import JsonObject

#: What a part of an explanation is called.
PARTS: dict[Part, str] = {
    "answer": "The answer",
    "version": "What answered",
    "allowed": "Who and what allowed it",
    "judged": "What it was judged by",
    "made": "What it was made from",
    "proof": "What proves this",
}


class NotExplained(Tampered):
    """Edges behind a prediction are missing. `edges` are their names."""

    def __init__(self, what: str, next_step: str, edges: tuple[str, ...]) -> None:
        super().__init__(what, next_step)
        self.edges = edges


@dataclass(frozen=True)
class Explanation:
    """The row of the prediction log, and every edge behind it."""

    row: Mapping[str, Any]
    steps: tuple[Step, ...]
    #: The proof as JSON, once a ledger checkpoint covers the seal of the row's segment.
    proof: JsonObject | None = None

    @property
    def missing(self) -> tuple[Step, ...]:
        """The edges that do not hold."""
        return tuple(step for step in self.steps if step.standing == "missing")

    @property
    def waiting(self) -> tuple[Step, ...]:
        """The edges that come by themselves: a segment that is still written, records that are not signed yet."""
        return tuple(step for step in self.steps if step.standing == "waiting")

    @property
    def indexes(self) -> tuple[int, ...]:
        """The records of the ledger that this rests on."""
        return tuple(sorted({step.index for step in self.steps if step.index is not None}))

    def with_steps(self, steps: Sequence[Step], proof: JsonObject | None = None) -> Explanation:
        """A copy with further edges behind these."""
        return replace(self, steps=(*self.steps, *steps), proof=proof)

    def of_part(self, part: Part) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.part == part)

    @property
    def outline(self) -> Outline:
        """The prediction, and under it the parts, each with its edges."""
        first, *_ = self.of_part("answer")
        parts = [
            Outline(title, children=tuple(step.outline() for step in self.of_part(part) if step is not first))
            for part, title in PARTS.items()
            if any(step is not first for step in self.of_part(part))
        ]
        return replace(first.outline(), children=tuple(parts))

    def as_json(self) -> JsonObject:
        """The same as a JSON object."""
        return {
            "schema_version": "lifecycle.explanation/1",
            "prediction": dict(self.row),
            "holds": not self.missing,
            "missing": [{"edge": step.edge, "why": step.why} for step in self.missing],
            "waiting": [{"edge": step.edge, "why": step.why} for step in self.waiting],
            "steps": [step.as_json() for step in self.steps],
            "proof": self.proof,
        }

    def require_whole(self) -> None:
        """Raises NotExplained that names every edge which does not hold."""
        if self.missing:
            said = "; ".join(f"the edge “{step.edge}” is missing: {step.why}" for step in self.missing)
            raise NotExplained(
                f"Prediction {self.row['id']} is not explained: {said}.",
                "Keep a copy of the home as evidence, run `lifecycle ledger verify`, and restore what is missing from a backup.",
                tuple(step.edge for step in self.missing),
            )
