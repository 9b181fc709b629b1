"""What a rollout has shown, for whoever is about to promote or to end it: both versions side by side, share by share."""

from __future__ import annotations

from dataclasses import dataclass

from lifecycle.desk.plots import strips
from lifecycle.desk.plots.scale import Scale
from lifecycle.life.comparing import Compared, compare_rollout
from lifecycle.monitoring.comparison import ComparedShare, Measure
from lifecycle.records.record import Version
from lifecycle.wiring import Departments

#: The order of the page: how each is called, and whether more of it is better; None where that is not for us to say.
_MEASURES: dict[Measure, tuple[str, bool | None]] = {
    "positive": ("Told {positive}", None),
    "wrong": ("Wrong, by the label", False),
    "missed": ("{positive} missed", False),
}


@dataclass(frozen=True)
class MeasureTable:
    """One measure: of everybody, then of each group."""

    label: str
    more_is_better: bool | None
    rows: tuple[ComparedShare, ...]
    #: Of all differences; None where none can be told.
    scale: Scale | None


@dataclass(frozen=True)
class ComparedView:
    """What the page shows."""

    model: str
    found: Compared
    minimum_group_n: int
    tables: tuple[MeasureTable, ...]


def compared_view(departments: Departments, name: str, version: Version | None = None, step: int | None = None) -> ComparedView:
    """The comparison of a rollout. Raises like `compare_rollout`."""
    model = departments.model(name)
    found = compare_rollout(departments, model, version, step)
    return view_of(model.name, found, positive=model.data.positive, minimum_group_n=model.minimum_group_n)


def view_of(model: str, found: Compared, *, positive: str, minimum_group_n: int) -> ComparedView:
    """A comparison as the page shows it."""
    tables = (_table(measure, found, positive) for measure in _MEASURES)
    return ComparedView(model, found, minimum_group_n, tuple(table for table in tables if table.rows))


def _table(measure: Measure, found: Compared, positive: str) -> MeasureTable:
    label, more_is_better = _MEASURES[measure]
    rows = tuple(share for share in found.arms.shares if share.measure == measure)
    differences = [row.difference for row in rows if row.difference is not None]
    scale = strips.scale_of(differences, 0.0) if differences else None
    return MeasureTable(label.format(positive=f"“{positive}”"), more_is_better, rows, scale)
