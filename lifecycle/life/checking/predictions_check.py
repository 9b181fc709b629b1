"""The prediction log held against the ledger: the part of `lifecycle ledger verify` that reads rows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from lifecycle.errors import LifecycleError
from lifecycle.ledger.verifying.findings import Finding
from lifecycle.life.checking.own_ledger import ledger_is_here, pruned_in
from lifecycle.records.bodies.keeping import SubjectErased
from lifecycle.records.bodies.serving import PredictionsSealed
from lifecycle.records.events import Event
from lifecycle.records.record import Digest
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.serving.prediction_log.segment_check import Sealed


class PredictionsCheck:
    """A `verifying.checks.Check`: every sealed segment of this home's gateways is whole, and what was asked is there or was erased.

    Make it before the ledger is read: what the gateway enters while verification goes on is then no contradiction. Where
    the home has no gateway it finds nothing.
    """

    def __init__(self, departments: Departments) -> None:
        from lifecycle.serving.prediction_log.segment_check import OwnSegments

        self._departments = departments
        self._sealed: list[Sealed] = []
        self._erased: set[Digest] = set()
        self._fault = ""
        self._own: OwnSegments | None = None
        try:
            self._own = OwnSegments.look(*departments.gateway_folders)
        except LifecycleError as error:
            self._fault = error.what

    def look_at(self, index: int, event: Event) -> Iterator[Finding]:
        """Takes in what was sealed and what was erased; says nothing before the end."""
        from lifecycle.serving.prediction_log.segment_check import Sealed

        if isinstance(event.body, PredictionsSealed):
            self._sealed.append(Sealed(index, event.subject.name, event.body))
        elif isinstance(event.body, SubjectErased):
            self._erased.update(event.body.predictions)
        yield from ()

    def end(self) -> Iterator[Finding]:
        """Each segment that does not hold, with the record that sealed it."""
        from lifecycle.serving.prediction_log.segment_check import check_segments

        if self._own is None:
            yield Finding(None, f"the prediction log can't be held against the ledger: {self._fault}")
            return
        try:
            all_here = ledger_is_here(self._departments)
            for found in check_segments(self._own, self._sealed, self._erased, partial(pruned_in, self._departments), all_here=all_here):
                yield Finding(found.index, found.what, "L0" if found.broken else None)
        except (LifecycleError, OSError) as error:
            yield Finding(None, f"the prediction log can't be held against the ledger: {error}")
