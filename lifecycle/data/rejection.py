"""A dataset that nothing may be made from, and why."""

from __future__ import annotations

from lifecycle.errors import DataRejected
from lifecycle.records.bodies.data import ContractFailure, DatasetRejected
from lifecycle.records.counted import counted

#: How many positions a record and a message name; the count beside them is always the whole one.
RECORDED_POSITIONS = 100
SHOWN_POSITIONS = 8


class DatasetNotAccepted(DataRejected):
    """Carries the body of the DatasetRejected event that the ledger must hold."""

    def __init__(self, what: str, next_step: str, body: DatasetRejected) -> None:
        super().__init__(what, next_step)
        self.body = body


def failure(column: str, check: str, positions: list[int]) -> ContractFailure:
    """A failed check and the positions of the rows that failed it (0-based, data rows), never their values."""
    return ContractFailure(column=column, check=check, failures=len(positions), positions=tuple(sorted(positions)[:RECORDED_POSITIONS]))


def describe_failure(failed: ContractFailure) -> str:
    """One line for a person: `age: in_range(18, 100) fails in 3 rows (4, 17, 99)`."""
    if not failed.failures:
        return f"{failed.column}: {failed.check}"
    shown = ", ".join(str(position) for position in failed.positions[:SHOWN_POSITIONS])
    more = ", …" if failed.failures > SHOWN_POSITIONS else ""
    return f"{failed.column}: {failed.check} fails in {counted(failed.failures, 'row')} ({shown}{more})"
