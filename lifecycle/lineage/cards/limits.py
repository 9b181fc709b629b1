"""What is known to be wrong with a version or not known of it, from what was measured and what the rules said."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle.lineage.cards.markdown import code, record, text
from lifecycle.lineage.cards.version import VersionRecords
from lifecycle.records.evidence import Evidence

#: A shift from training to test rows that is worth telling (PSI; 0.1 is the usual mark of a moderate one).
TOLD_PSI = 0.1


def known_limits(records: VersionRecords) -> Iterator[str]:
    """Each limit as a sentence in Markdown, with where it is known from."""
    judged = records.judgement()
    if judged is not None:
        result, where = judged.body.decision.result, record(judged.index)
        for violation in result.violations:
            yield f"**{text(violation.rule)}** ({violation.severity}): {_clause(violation.message)} ({where})."
        for waived in result.waived:
            yield f"**{text(waived.rule)}**, waived: {_clause(waived.message)} ({where})."
        for warning in result.warnings:
            yield f"{text(warning.rule)}, a warning: {_clause(warning.message)} ({where})."
    if records.evidence is not None and records.evaluated is not None:
        where = record(records.evaluated.index)
        yield from (f"{said} ({where})." for said in _unknown(records.evidence))
    if records.ingested is not None and records.ingested.body.suspected_label_flips:
        flips, rows = records.ingested.body.suspected_label_flips, records.ingested.body.rows
        yield f"{flips:,} of {rows:,} rows look as if their label were wrong ({record(records.ingested.index)})."
    if records.evidence is not None:
        yield "All figures are of one test split of one dataset version. What callers send may differ: monitoring says whether it does."


def _clause(message: str) -> str:
    return text(message.rstrip("."))


def _unknown(evidence: Evidence) -> Iterator[str]:
    """What was not measured, for want of rows, and what has moved."""
    for fairness in evidence.fairness:
        small = [one for one in fairness.groups if not one.enough_data]
        if fairness.verdict == "not_enough_data":
            yield f"Fairness by {code(fairness.attribute)} is not known: fewer than two groups have {fairness.minimum_n} rows"
        for one in small:
            yield f"How {code(f'{fairness.attribute} = {one.group}')} fares is not known: {one.n} rows"
    small_slices = [f"{one.column} = {one.group}" for one in evidence.slices if not one.enough_data]
    if small_slices:
        yield f"No metric was measured, for want of rows, where {', '.join(code(one) for one in small_slices)}"
    for drift in evidence.drift:
        if drift.psi >= TOLD_PSI:
            yield f"{code(drift.column)} differs between training and test rows: PSI {drift.psi:.2f}"
