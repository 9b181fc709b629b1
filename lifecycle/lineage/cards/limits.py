"""What is known to be wrong with a version or not known of it, from what was measured and what the rules said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lifecycle.lineage.cards.version import VersionRecords
from lifecycle.records.evidence import Evidence

#: A shift from training to test rows that is worth telling (PSI; 0.1 is the usual mark of a moderate one).
TOLD_PSI = 0.1


@dataclass(frozen=True)
class Limit:
    """One limitation in words, without its full stop, and the record that it is known from."""

    says: str
    index: int


def known_limits(records: VersionRecords) -> Iterator[Limit]:
    """Each limitation: first what the rules found, then what was not measured or has moved, then the data."""
    judged = records.judgement()
    if judged is not None:
        result = judged.body.decision.result
        for violation in result.violations:
            yield Limit(f"{violation.rule} ({violation.severity}): {violation.message.rstrip('.')}", judged.index)
        for waived in result.waived:
            yield Limit(f"{waived.rule}, waived: {waived.message.rstrip('.')}", judged.index)
        for warning in result.warnings:
            yield Limit(f"{warning.rule}, a warning: {warning.message.rstrip('.')}", judged.index)
    if records.evidence is not None and records.evaluated is not None:
        yield from (Limit(said, records.evaluated.index) for said in _unknown(records.evidence))
    if records.ingested is not None and records.ingested.body.suspected_label_flips:
        flips, rows = records.ingested.body.suspected_label_flips, records.ingested.body.rows
        yield Limit(f"{flips:,} of {rows:,} rows look as if their label were wrong", records.ingested.index)


def _unknown(evidence: Evidence) -> Iterator[str]:
    """What was not measured, for want of rows, and what has moved."""
    for fairness in evidence.fairness:
        if fairness.verdict == "not_enough_data":
            yield f"Fairness by {fairness.attribute} is not known: fewer than two groups have {fairness.minimum_n} rows"
        for one in fairness.groups:
            if not one.enough_data:
                yield f"How {fairness.attribute} = {one.group} fares is not known: {one.n} rows"
    small = [f"{one.column} = {one.group}" for one in evidence.slices if not one.enough_data]
    if small:
        yield f"No metric was measured, for want of rows, where {', '.join(small)}"
    for drift in evidence.drift:
        if drift.psi >= TOLD_PSI:
            yield f"{drift.column} differs between training and test rows: PSI {drift.psi:.2f}"
