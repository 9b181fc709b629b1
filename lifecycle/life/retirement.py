"""Retiring a version: it is over in this environment, for good. What is retired everywhere may be pruned after its retention."""

from __future__ import annotations

from lifecycle.errors import IllegalTransition, Refused
from lifecycle.life.gates import standing
from lifecycle.life.recording import COMMAND_LINE, links, require_prose
from lifecycle.records.bodies.decisions import VersionRetired
from lifecycle.records.events import Event, Recorded
from lifecycle.records.identity import now_us
from lifecycle.wiring import Departments


def retire_version(departments: Departments, model: str, version: int, *, reason: str) -> Recorded:
    """Records that a version is over here. Raises UnknownName where there is none, Refused where its state does not permit it:
    what serves, waits or may still be deployed is not over.
    """
    require_prose(reason, "A retirement")
    trained = standing.trained(departments, model, version)
    subject = trained.event.subject
    event = Event.happened(
        VersionRetired(reason=reason),
        subject=subject,
        actor=COMMAND_LINE,
        environment=departments.environment,
        inputs=links(model=subject.digest),
        at_us=now_us(),
    )
    try:
        receipt = departments.ledger.append(event)
    except IllegalTransition as error:
        state = standing.states(departments).get((model, version))
        raise Refused(
            f"{model}:{version} is {(state or 'unknown').replace('_', ' ')} in {departments.environment}, so it can't be retired.",
            "Only what was superseded, rolled back, denied, revoked or has expired can be.",
            ("STATE",),
        ) from error
    return Recorded(index=receipt.index, event=event)
