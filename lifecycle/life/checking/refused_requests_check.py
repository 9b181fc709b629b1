"""The log of refused requests held against the ledger: the part of `lifecycle ledger verify` that reads its lines."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from lifecycle.errors import LifecycleError
from lifecycle.ledger.verifying.findings import Finding
from lifecycle.life.checking.own_ledger import ledger_is_here, pruned_in
from lifecycle.records.bodies.access import RefusalsSealed
from lifecycle.records.events import Event
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.serving.access.refusal_check import OwnRefusals


class RefusedRequestsCheck:
    """A `verifying.checks.Check`: every sealed segment of this home's log of refusals is whole, and no seal is missing.

    Make it before the ledger is read, like `PredictionsCheck`.
    """

    def __init__(self, departments: Departments) -> None:
        from lifecycle.serving.access.refusal_check import OwnRefusals

        self._departments = departments
        self._sealed: list[tuple[int, RefusalsSealed]] = []
        self._fault = ""
        self._own: OwnRefusals | None = None
        try:
            self._own = OwnRefusals.look(*departments.gateway_folders)
        except LifecycleError as error:
            self._fault = error.what

    def look_at(self, index: int, event: Event) -> Iterator[Finding]:
        """Takes in what was sealed; says nothing before the end."""
        if isinstance(event.body, RefusalsSealed):
            self._sealed.append((index, event.body))
        yield from ()

    def end(self) -> Iterator[Finding]:
        """Each segment that does not hold, with the record that sealed it."""
        from lifecycle.serving.access.refusal_check import check_refusals

        if self._own is None:
            yield Finding(None, f"the log of refused requests can't be held against the ledger: {self._fault}")
            return
        try:
            pruned, all_here = partial(pruned_in, self._departments), ledger_is_here(self._departments)
            for found in check_refusals(self._own, self._sealed, pruned, all_here=all_here):
                yield Finding(found.index, found.what, "L0" if found.broken else None)
        except LifecycleError as error:
            yield Finding(None, f"the log of refused requests can't be held against the ledger: {error}")
