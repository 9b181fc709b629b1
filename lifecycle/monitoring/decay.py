"""Whether a version decides worse than it should: its mature outcomes, held against the hold-out or its recorded evaluation.

This is what rolls back after the bake. Drift does not: where the inputs have moved, the version before sees them too. So where a
hold-out still answers its share, that is what a version is held against, at the same time and on the same kind of callers; the recorded
evaluation is the yardstick only where there is no hold-out. All evidence is e-values (`measures.eprocess`), and the verdicts of one
window share one alpha.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lifecycle.records.bodies.serving import GuardrailVerdict
from lifecycle.records.evidence import Evidence, Measurement

if TYPE_CHECKING:
    from lifecycle.measures.eprocess import Floats

#: How often a window may call for a rollback where nothing has become worse, over all of its verdicts.
FALSE_ROLLBACKS = 0.001
#: What a verdict that calls for a rollback is named by; what follows says of what and against what.
QUALITY = "quality"
#: The guardrail on wrong decisions beside a hold-out; what is said more after a colon is of other things, or of a group.
AGAINST_HOLDOUT = f"{QUALITY} against hold-out"


@dataclass(frozen=True)
class _Comparison:
    """Losses, each between 0 and 1, beside those of the version before at the same time."""

    name: str
    losses: Floats
    beside: Floats


@dataclass(frozen=True)
class _Claim:
    """Losses, each between 0 and 1, that are at most `ceiling` in the mean where all is well."""

    name: str
    losses: Floats
    ceiling: float


def decay(
    labelled: Sequence[Mapping[str, Any]],
    held_out: Sequence[Mapping[str, Any]],
    *,
    positive: str,
    slices: Sequence[str],
    evaluation: Evidence | None,
    minimum_n: int,
) -> tuple[GuardrailVerdict, ...]:
    """A verdict for each thing that can be compared; none where nothing can.

    `labelled` are the version's rows with a mature outcome, `held_out` those that the version before answered in the same time for its
    hold-out: then share of wrong decisions and Brier score are held against its own, and in each group of `slices` of which both have
    enough, wrong decisions and missed approvals (of those whose outcome was `positive`). Without it, the former two are held against
    the far end of their recorded intervals, wrong decisions also in each group that the evaluation had enough rows of.
    """
    least = max(minimum_n, 1)
    if len(held_out) >= least:
        found = _comparisons(labelled, held_out, positive, slices, least)
        return tuple(_compared(one, FALSE_ROLLBACKS / len(found), least) for one in found)
    if evaluation is None:
        return ()
    claims = _claims(labelled, positive, slices, evaluation)
    return tuple(_verdict(claim, FALSE_ROLLBACKS / len(claims), least) for claim in claims)


def calls_for_rollback(verdicts: Sequence[GuardrailVerdict]) -> GuardrailVerdict | None:
    """The first breached verdict on quality; None where there is none. Drift, errors and latency are none."""
    return next((one for one in verdicts if one.verdict == "breached" and one.guardrail.startswith(QUALITY)), None)


def _comparisons(
    labelled: Sequence[Mapping[str, Any]], held_out: Sequence[Mapping[str, Any]], positive: str, slices: Sequence[str], least: int
) -> list[_Comparison]:
    import numpy as np

    sides = (labelled, held_out)
    wrong = [np.array([_wrong(row) for row in side]) for side in sides]
    found = [
        _Comparison(AGAINST_HOLDOUT, *wrong),
        _Comparison(f"{AGAINST_HOLDOUT}: Brier score", *(np.array([_brier(row, positive) for row in side]) for side in sides)),
    ]
    favourable = [np.array([row["label"] == positive for row in side], dtype=bool) for side in sides]
    for column in slices:
        groups = [np.array([_group(row, column) for row in side]) for side in sides]
        for group in sorted({*groups[1].tolist()} - {""}):
            inside = [side == group for side in groups]
            for what, rows in (("wrong decisions", inside), ("missed approvals", [a & b for a, b in zip(inside, favourable, strict=True)])):
                ours, theirs = (losses[of] for losses, of in zip(wrong, rows, strict=True))
                if min(ours.size, theirs.size) >= least:
                    found.append(_Comparison(f"{AGAINST_HOLDOUT}: {what}, {column} {group}", ours, theirs))
    return found


def _compared(one: _Comparison, alpha: float, least: int) -> GuardrailVerdict:
    """Losses fall to the two versions as their labelled answers do, where the one is no worse than the other."""
    from lifecycle.measures.eprocess import log_evidence_of_higher_mean, log_evidence_of_labels, log_threshold

    limit = float(one.beside.mean())
    if one.losses.size < least:
        return GuardrailVerdict(guardrail=one.name, value=None, limit=limit, verdict="not_enough_data")
    if one.name.endswith("Brier score"):
        evidence = log_evidence_of_higher_mean(one.losses, one.beside)
    else:
        evidence = log_evidence_of_labels(round(one.losses.sum()), one.losses.size, round(one.beside.sum()), one.beside.size)
    for_sure, value = evidence >= log_threshold(alpha), float(one.losses.mean())
    return GuardrailVerdict(
        guardrail=one.name,
        value=value,
        limit=limit,
        verdict="breached" if for_sure else "not_enough_data" if value > limit else "holds",
    )


def _claims(labelled: Sequence[Mapping[str, Any]], positive: str, slices: Sequence[str], evaluation: Evidence) -> list[_Claim]:
    import numpy as np

    wrong = np.array([_wrong(row) for row in labelled])
    claims = []
    if "accuracy" in evaluation.metrics:
        claims.append(_Claim(f"{QUALITY}: wrong decisions", wrong, _wrong_at_most(evaluation.metrics["accuracy"])))
    if "brier" in evaluation.metrics:
        squared = np.array([_brier(row, positive) for row in labelled])
        claims.append(_Claim(f"{QUALITY}: Brier score", squared, evaluation.metrics["brier"].high))
    for group in evaluation.slices:
        if group.column in slices and group.enough_data and "accuracy" in group.metrics:
            inside = np.array([_group(row, group.column) == group.group for row in labelled], dtype=bool)
            name = f"{QUALITY}: wrong decisions, {group.column} {group.group}"
            if inside.any():
                claims.append(_Claim(name, wrong[inside], _wrong_at_most(group.metrics["accuracy"])))
    # What the evaluation found to be 0 or 1 for sure leaves nothing to bet on.
    return [claim for claim in claims if 0.0 < claim.ceiling < 1.0]


def _verdict(claim: _Claim, alpha: float, least: int) -> GuardrailVerdict:
    from lifecycle.measures.eprocess import log_evidence_of_mean, log_threshold

    if len(claim.losses) < least:
        return GuardrailVerdict(guardrail=claim.name, value=None, limit=claim.ceiling, verdict="not_enough_data")
    for_sure = log_evidence_of_mean(claim.losses, claim.ceiling) >= log_threshold(alpha)
    mean = float(claim.losses.mean())
    return GuardrailVerdict(
        guardrail=claim.name,
        value=mean,
        limit=claim.ceiling,
        verdict="breached" if for_sure else "not_enough_data" if mean > claim.ceiling else "holds",
    )


def _wrong(row: Mapping[str, Any]) -> float:
    return float(row["output"]["decision"] != row["label"])


def _brier(row: Mapping[str, Any], positive: str) -> float:
    probability: float = row["output"]["probability"]
    return (probability - float(row["label"] == positive)) ** 2


def _group(row: Mapping[str, Any], column: str) -> str:
    """The group of a row; "" where its input was erased, or has none."""
    value = (row["values"] or {}).get(column)
    return "" if value is None else str(value)


def _wrong_at_most(accuracy: Measurement) -> float:
    return 1.0 - accuracy.low
