"""What a legal hold on a name holds as things stand: a misspelt name would hold nothing, and nobody would know."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from lifecycle.life.keeping.row_erasure import rows_about_subject
from lifecycle.records.counted import counted
from lifecycle.records.record import JsonObject
from lifecycle.wiring import Departments


@dataclass(frozen=True)
class HeldNow:
    """How much goes by a name, of each kind of thing that pruning or erasing could take."""

    #: On a model, a dataset or a person of this name.
    records: int
    #: About a subject of this name: what records commit to, what was asked of predictions, and rows of datasets.
    values: int
    predictions: int
    rows: int

    @property
    def anything(self) -> bool:
        return any((self.records, self.values, self.predictions, self.rows))

    def as_json(self) -> JsonObject:
        """The same under the same names."""
        return asdict(self)

    def __str__(self) -> str:
        told = (
            (self.records, "record"),
            (self.values, "value that records commit to", "values that records commit to"),
            (self.predictions, "prediction"),
            (self.rows, "row of datasets", "rows of datasets"),
        )
        return ", ".join(counted(*of) for of in told if of[0])


def held_now(departments: Departments, name: str) -> HeldNow:
    """What goes by this name now. Raises what reading the ledger, the prediction log and the artifact store raises."""
    from lifecycle.ledger.keeping.erasing import openings_about

    return HeldNow(
        records=len(departments.ledger.events(name=name)),
        values=len(openings_about(departments.settings.ledger_url, name)),
        predictions=len(departments.kept_values.of(name)),
        rows=sum(len(found.rows) for found in rows_about_subject(departments, name)),
    )
