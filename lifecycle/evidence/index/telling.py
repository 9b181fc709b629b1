"""How records read in an index: one line a record, and where each thing lies in the pack."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lifecycle.evidence.index.document import Block, Cell, Paragraph, Section, Table, Text, Tone
from lifecycle.evidence.layout import leaf_path
from lifecycle.evidence.pack import Draft
from lifecycle.lineage.describing import describe
from lifecycle.lineage.outline import TONES, moment
from lifecycle.records.bodies.serving import RolledBack, RolloutAborted, RolloutCompleted, RolloutStepReached
from lifecycle.records.bodies.training import TrainingStarted
from lifecycle.records.events import Event, Recorded
from lifecycle.records.evidence import Measurement
from lifecycle.records.record import Digest

#: How outcomes read beyond what lineage calls them.
_TONES: dict[str, Tone] = {**TONES, "complete": "plain", "ended": "plain"}
#: A table of more records than this shows the latest of them; all are in leaves/.
MOST_ROWS = 400


@dataclass(frozen=True)
class Places:
    """Where things lie in a pack."""

    draft: Draft

    def record(self, index: int) -> Cell:
        """A record, by its number, leading to its bytes."""
        row = self.draft.selection.rows.get(index)
        return Cell(str(index), None if row is None or row.stored is None else leaf_path(index, row.type))

    def file(self, digest: Digest | None, called: str = "") -> Cell:
        """A file by its digest, leading to it where it is packed."""
        if digest is None:
            return Cell("none", tone="quiet")
        file = self.draft.proven.files.get(digest)
        return Cell(called or digest, None if file is None else file.path, code=not called)


def timeline(places: Places, recorded: Iterable[Recorded], of: int | None = None) -> Section:
    """What happened, in the order of the log; `of` is how many records there are, where these are only the latest."""
    events = list(recorded)
    count = len(events) if of is None else of
    rows = [
        (
            places.record(one.index),
            moment(one.event.occurred_at_us),
            str(one.event.subject),
            said(one.event),
            outcome(one.event),
            one.event.actor.id if one.event.actor.authenticated or one.event.actor.kind == "service" else f"{one.event.actor.id} (a claim)",
            one.event.environment,
        )
        for one in events[-MOST_ROWS:]
    ]
    table = Table(("Record", "When (UTC)", "About", "What", "Outcome", "By", "Where"), tuple(rows), (7, 18, 14, 27, 12, 15, 7))
    blocks: tuple[Block, ...] = (table,)
    if count > len(rows):
        blocks = (Paragraph(f"The latest {len(rows):,} of {count:,} records. All of them are in leaves/.", "quiet"), table)
    return Section("What happened", blocks)


def said(event: Event) -> str:
    """One record in one line."""
    body = event.body
    if isinstance(body, TrainingStarted):
        return f"training started on {body.device}"
    if isinstance(body, RolloutStepReached):
        return f"rollout reached {body.weight:.0%} of the traffic"
    if isinstance(body, RolloutCompleted):
        by = f", promoted by {body.promoted_by}" if body.promoted_by else ""
        return f"rollout complete{by}: it takes all the traffic"
    if isinstance(body, RolloutAborted):
        return f"rollout aborted by {body.ended_by or body.cause}: {body.reason}"
    if isinstance(body, RolledBack):
        return f"{describe(event).label}: {body.trigger.detail}"
    return describe(event).label


def outcome(event: Event) -> Text:
    """How it went, where that says more than that it happened."""
    found = describe(event).outcome
    return "" if found in ("complete", "open") else Cell(found.replace("_", " "), tone=_TONES.get(found, "plain"))


def measured(found: Measurement | None) -> str:
    """A value with the interval that it lies in."""
    return "" if found is None else f"{found.value:.3f}  [{found.low:.3f}, {found.high:.3f}]"
