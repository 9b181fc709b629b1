"""What happened to a version, line by line: from the same lineage, and in the same words, as `lifecycle lineage show` has it."""

from __future__ import annotations

from dataclasses import dataclass

from lifecycle.desk.plots.strips import Tone
from lifecycle.lineage.graph import Activity, Graph
from lifecycle.lineage.outline import TONES, detail, told
from lifecycle.records.record import Microseconds


@dataclass(frozen=True)
class Line:
    """One thing that happened: the first and the last record that say so, and who did it."""

    what: str
    detail: str
    kind: str
    at_us: Microseconds
    who: str
    #: A person whom nothing but a text names.
    is_claim: bool
    tone: Tone
    indexes: tuple[int, ...]


def history_of(graph: Graph, version: str) -> tuple[Line, ...]:
    """The life of a version, the newest first; of what recurs, what breached a guardrail and the last few."""
    return tuple(_line(activity) for activity in reversed(told(graph.life_of(version))))


def _line(activity: Activity) -> Line:
    return Line(
        what=activity.label,
        # A terminal sets the numbers of an evaluation apart by two blanks.
        detail=detail(activity).replace("  ", " · "),
        kind=activity.kind,
        at_us=activity.started_us,
        who=activity.actor.id,
        is_claim=activity.actor.kind == "human" and not activity.actor.authenticated,
        tone=TONES.get(activity.outcome, "plain"),
        indexes=activity.indexes,
    )
