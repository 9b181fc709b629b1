"""The plots of a page from its rows: which scale they share, and which tone a verdict has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from lifecycle.desk.pages.judgement import Verdict
from lifecycle.desk.pages.measured import DriftRow, Row, SliceRow
from lifecycle.desk.plots import strips
from lifecycle.desk.plots.scale import Scale
from lifecycle.desk.plots.strips import Bound, Mark, Tone
from lifecycle.records.evidence import GroupRates, Measurement

TONES: Mapping[Verdict, Tone] = {"within": "good", "beyond": "bad", "waived": "waiting", "unlimited": "plain", "unjudged": "plain"}
#: What a group experiences, by its shape: selected, rightly selected, wrongly selected.
_SHARES = Scale(0.0, 1.0, strips.ROOM, strips.WIDTH - strips.ROOM, 0.2)


def row_picture(row: Row, *, signed: bool = False) -> Markup:
    """One interval on a scale of its own, with its ticks below."""
    bound = row.bound.value if row.bound else None
    scale = strips.scale_of([row.measured], bound, row.reference, 0.0 if signed else None)
    strip = strips.interval(row.measured, scale, bound=row.bound, reference=row.reference, tone=TONES[row.verdict], zero=signed)
    return Markup("{}{}").format(strip, strips.axis(scale, signed=signed, below=True))


def slices_scale(rows: Sequence[SliceRow], metric: str) -> Scale | None:
    """The scale that every slice of a metric is drawn on; None where none has it."""
    found = [row.metrics[metric] for row in rows if metric in row.metrics]
    return strips.scale_of(found) if found else None


def differences_scale(rows: Sequence[SliceRow], metric: str, bound: Bound | None) -> Scale | None:
    """The same for the differences from the champion."""
    found = [row.against[metric].measured for row in rows if metric in row.against]
    return strips.scale_of(found, 0.0, bound.value if bound else None) if found else None


def slice_picture(row: SliceRow, metric: str, scale: Scale, whole: float | None) -> Markup:
    """One slice's interval beside the value on all rows."""
    return strips.interval(row.metrics[metric], scale, reference=whole)


def difference_picture(row: Row, scale: Scale) -> Markup:
    """One slice's difference from the champion, with the margin that the policy leaves it."""
    return strips.interval(row.measured, scale, bound=row.bound, zero=True)


def apart_picture(difference: Measurement, scale: Scale) -> Markup:
    """How far two versions are apart on live traffic, beside none."""
    return strips.interval(difference, scale, zero=True)


def group_picture(group: GroupRates) -> Markup:
    """The three rates of a group on one line from nobody to everybody."""
    return strips.marks(
        [
            Mark(group.selection_rate, "dot") if group.selection_rate is not None else None,
            Mark(group.true_positive_rate, "triangle") if group.true_positive_rate is not None else None,
            Mark(group.false_positive_rate, "diamond") if group.false_positive_rate is not None else None,
        ],
        _SHARES,
    )


def groups_axis(_: object) -> Markup:
    """The axis of every `group_picture`."""
    return strips.axis(_SHARES)


def drift_scale(rows: Sequence[DriftRow], bound: Bound | None) -> Scale:
    """The scale of the stability indexes, from none on."""
    return Scale.around(
        [0.0, bound.value * 1.1 if bound else 0.1, *(row.psi for row in rows)], left=strips.ROOM, right=strips.WIDTH - strips.ROOM
    )


def drift_picture(row: DriftRow, scale: Scale, bound: Bound | None) -> Markup:
    """One column's stability index as a bar."""
    return strips.bar(row.psi, scale, bound=bound, tone=TONES[row.verdict])
