"""Waiting for the end of a rollout that was ordered, and ending one that is open for the run that ordered it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from lifecycle.declaration import GovernedModel
from lifecycle.errors import LifecycleError, Unavailable, UnknownName
from lifecycle.life.gates import judging, standing
from lifecycle.life.recording import Step, links, record_once
from lifecycle.records.bodies.serving import RolloutAborted, RolloutCompleted, RolloutStepReached, RunsCause
from lifecycle.records.events import Actor, Event, Recorded, Subject
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.serving.rollouts.status import RolloutStatus

#: How often the step looks whether the gateway's controller has recorded the end of the rollout.
POLL_SECONDS = 0.25
#: How long a step may take before it is told what it waits for; twice as long before it is told again, and so on up to the longest.
TELL_SECONDS, LONGEST_TELL_SECONDS = 5.0, 600.0
#: How long a gateway may be gone (it restarts within seconds) before the step stops waiting for it.
PATIENCE_SECONDS = 60.0

Report = Callable[[str], None]


def await_end(departments: Departments, model: GovernedModel, version: int, rollout_id: str, report: Report) -> Recorded:
    """Waits until the ledger holds the end of the rollout, or the last step of one that a person ends; a cancelled wait aborts it.

    Raises Unavailable where the gateway is gone for too long: the rollout stays open, and goes on or is undone when
    the gateway is started again.
    """
    seen, last_answer, waiting = 0, time.monotonic(), _Waiting(report)
    plan = judging.declared_of(standing.trained(departments, model.name, version)).rollout
    try:
        while True:
            for recorded in departments.ledger.events(name=model.name, version=version, environment=departments.environment, since=seen):
                seen = recorded.index + 1
                body = recorded.event.body
                if isinstance(body, RolloutCompleted | RolloutAborted) and body.rollout_id == rollout_id:
                    return recorded
                if isinstance(body, RolloutStepReached) and body.rollout_id == rollout_id:
                    waiting.begin()
                    of = "requests, copied" if plan.copies(body.step) else "traffic"
                    report(f"step {body.step + 1} of {len(plan.steps)}: {body.weight:.0%} of the {of}")
                    if not plan.promotes_itself and body.step == len(plan.steps) - 1:
                        return recorded
            try:
                waiting.tell(departments.gateway.rollout(rollout_id))
                last_answer = time.monotonic()
            except Unavailable:
                if time.monotonic() - last_answer > PATIENCE_SECONDS:
                    raise
            time.sleep(POLL_SECONDS)
    except LifecycleError:
        raise
    except BaseException:
        subject = standing.trained(departments, model.name, version).event.subject
        end_rollout(departments, subject, rollout_id, reason="the run that waited for it was cancelled", cause="cancelled")
        raise


class _Waiting:
    """Tells what a step waits for, ever less often: a rollout of days floods no log, and one that nobody asks is not silent."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self.begin()

    def begin(self) -> None:
        """A step has begun, and was told of."""
        self._pause = TELL_SECONDS
        self._next = time.monotonic() + self._pause

    def tell(self, found: RolloutStatus) -> None:
        if found.progress is None or time.monotonic() < self._next:
            return
        held = f"; it is held: {found.reason}" if found.reason else ""
        self._report(f"step {found.step + 1} waits: {found.progress.says()}{held}")
        self._pause = min(self._pause * 2, LONGEST_TELL_SECONDS)
        self._next = time.monotonic() + self._pause


def end_rollout(departments: Departments, subject: Subject, rollout_id: str, *, reason: str, cause: RunsCause) -> None:
    """Ends a rollout that is open in the ledger: the gateway ends and records it, or never knew it, and then this does.

    Where the gateway does not answer, nobody can say whether it took the order: the rollout stays open, and the next
    deployment of the version goes on with it.
    """
    try:
        departments.gateway.abort(rollout_id, reason=reason, cause=cause)
    except Unavailable:
        return
    except UnknownName:
        event = Event.happened(
            RolloutAborted(rollout_id=rollout_id, cause=cause, reason=reason, observed=()),
            subject=subject,
            actor=Actor(id="lifecycle", kind="service"),
            environment=departments.environment,
            inputs=links(model=subject.digest),
            event_id=Step(run_id=rollout_id).event_id("aborted"),
        )
        record_once(departments, event)
