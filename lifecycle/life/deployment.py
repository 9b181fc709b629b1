"""The deployment step: ask again, order the rollout, and wait for what the gateway's controller reports.

The order of things is the promise: the decision is recorded and proven, then the intent is recorded, then the gateway
is told. A crash between any two of them leaves nothing half deployed: the gateway acts on complete orders only, and
the next deployment of the version goes on with what is recorded.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from lifecycle.declaration import GovernedModel
from lifecycle.errors import LifecycleError, Refused, Unavailable, UnknownName
from lifecycle.life import judging, standing
from lifecycle.life.asking import ask, decision_event, require_allowed
from lifecycle.life.recording import Step, links
from lifecycle.records.bodies.serving import RolloutAborted, RolloutCompleted, RolloutRequested, RolloutStepReached
from lifecycle.records.bodies.training import ModelTrained
from lifecycle.records.events import Event, Recorded, Subject
from lifecycle.records.identity import now_us
from lifecycle.records.rollout import RolloutOrder
from lifecycle.records.states import State, fold
from lifecycle.wiring import Departments

#: States that a deployment may start from; anything else has something to finish or to mend first.
DEPLOYABLE = frozenset({"waiting", "allowed", "superseded"})
#: How often the step looks whether the gateway's controller has recorded the end of the rollout.
POLL_SECONDS = 0.25
#: How long a gateway may be gone (it restarts within seconds) before the step stops waiting for it.
PATIENCE_SECONDS = 60.0

Report = Callable[[str], None]


def deploy_version(departments: Departments, model: GovernedModel, version: int, step: Step, *, report: Report) -> Recorded:
    """Rolls one version out here; returns the RolloutCompleted, or the RolloutAborted of one that was taken out.

    Raises Refused where the gate or the state says no, Unavailable where the gateway does not answer. Cancelling the
    run that waits aborts the rollout, and says so in the ledger.
    """
    rollout_id = step.event_id("rollout", str(version))
    requested = departments.ledger.find(rollout_id) or _cut_short(departments, model, version)
    if requested is not None:
        rollout_id = standing.body_of(requested, RolloutRequested).rollout_id
        _go_on(departments, model, version, requested, step, report)
    else:
        departments.gateway.status()
        _require_deployable(departments, model, version)
        decision = ask(departments, judging.deployment_input(departments, model, version, step), step)
        require_allowed(decision, f"The deployment of {model.name}:{version}")
        report(f"allowed by decision {decision.id}")
        _request_rollout(departments, model, version, decision.id, rollout_id, step)
        _order(departments, model, version, decision.id, rollout_id, step)
    return _await_end(departments, model, version, rollout_id, report)


def _require_deployable(departments: Departments, model: GovernedModel, version: int) -> None:
    states = standing.states(departments)
    state = states.get((model.name, version))
    if state not in DEPLOYABLE:
        raise Refused(
            f"{model.name}:{version} is {state or 'unknown'} in {departments.environment}, so it can't be deployed.",
            "`lifecycle status` shows what each version waits for.",
            ("STATE",),
        )
    # Before the gate is asked: a decision that can't be acted on would use up the approval.
    _require_nothing_in_flight(model, version, states)


def _require_nothing_in_flight(model: GovernedModel, version: int, states: Mapping[tuple[str, int], State]) -> None:
    in_flight = [number for (name, number), state in states.items() if name == model.name and state == "rolling_out"]
    if in_flight:
        raise Refused(
            f"{model.name}:{in_flight[0]} is being rolled out, so {model.name}:{version} can't be.",
            f"Wait for it to end (`lifecycle deploy {model.name}:{in_flight[0]}` waits with you), "
            f"or end it: `lifecycle rollback {model.name}` takes a canary out.",
            ("STATE",),
        )


def _cut_short(departments: Departments, model: GovernedModel, version: int) -> Recorded | None:
    """The RolloutRequested of a version that is being rolled out already, by a step that may have been killed since."""
    if standing.states(departments).get((model.name, version)) != "rolling_out":
        return None
    found = departments.ledger.events(
        types=("RolloutRequested",), name=model.name, version=version, environment=departments.environment, newest_first=True, limit=1
    )
    return found[0] if found else None


def _go_on(departments: Departments, model: GovernedModel, version: int, requested: Recorded, step: Step, report: Report) -> None:
    """Sees to it that the gateway knows of a rollout that was requested: it may not have been told before the step was killed."""
    body = standing.body_of(requested, RolloutRequested)
    if standing.states(departments).get((model.name, version)) != "rolling_out":
        return
    try:
        departments.gateway.rollout(body.rollout_id)
    except UnknownName:
        report("going on with a rollout that was requested, and that the gateway was not told of")
        _order(departments, model, version, body.decision_id, body.rollout_id, step)
    else:
        report("the gateway is rolling it out already; waiting for it to end")


def _request_rollout(departments: Departments, model: GovernedModel, version: int, decision_id: str, rollout_id: str, step: Step) -> None:
    """Records the intent; of two candidates in flight at once, the second is refused in the same transaction."""
    trained = standing.trained(departments, model.name, version)
    champion = standing.serving_version(departments, model.name)
    champion_digest = standing.trained(departments, model.name, champion).event.subject.digest if champion else None
    body = RolloutRequested(
        rollout_id=rollout_id, plan=model.rollout, decision_id=decision_id, champion_version=champion, champion_digest=champion_digest
    )
    event = Event.happened(
        body,
        subject=trained.event.subject,
        actor=step.actor,
        environment=departments.environment,
        run_id=step.run_id,
        inputs=links(model=trained.event.subject.digest, champion=champion_digest),
        event_id=rollout_id,
    )
    with departments.ledger.writing() as writer:
        now = fold((recorded.event for recorded in writer.events(kind="model", name=model.name)), departments.environment)
        _require_nothing_in_flight(model, version, now)
        writer.append(event)


def _order(departments: Departments, model: GovernedModel, version: int, decision_id: str, rollout_id: str, step: Step) -> None:
    """Gives the gateway the order with its proof. What goes wrong here is recorded as an abort."""
    from lifecycle.artifacts.packages import unpack

    trained = standing.trained(departments, model.name, version)
    digest, body = trained.event.subject.digest, standing.body_of(trained, ModelTrained)
    assert digest is not None  # a ModelTrained is written with one
    try:
        departments.checkpoint()
        decided = decision_event(departments, decision_id, model=model.name, version=version)
        order = RolloutOrder(
            rollout_id=rollout_id,
            model=model.name,
            version=version,
            digest=digest,
            environment=departments.environment,
            plan=model.rollout,
            decision_id=decision_id,
            proof=departments.ledger.proof(decided.index),
            signature_digest=body.signature_digest,
            run_id=step.run_id,
            ordered_at_us=now_us(),
            actor=step.requester.id,
        )
        with tempfile.TemporaryDirectory(dir=departments.folder("cache"), prefix="order-") as folder:
            unpack(departments.artifacts, digest, Path(folder))
            (Path(folder) / "model.sig").write_bytes(departments.artifacts.read(body.signature_digest))
            departments.gateway.order(order, Path(folder))
    except LifecycleError as error:
        _record_abort(departments, trained.event.subject, rollout_id, step, "failed", error.what)
        raise


def _await_end(departments: Departments, model: GovernedModel, version: int, rollout_id: str, report: Report) -> Recorded:
    """Waits until the ledger holds the end of the rollout; a cancelled wait aborts it.

    Raises Unavailable where the gateway is gone for too long: the rollout stays open, and goes on or is undone when
    the gateway is started again.
    """
    seen, last_answer = 0, time.monotonic()
    try:
        while True:
            for recorded in departments.ledger.events(name=model.name, version=version, environment=departments.environment, since=seen):
                seen = recorded.index + 1
                body = recorded.event.body
                if isinstance(body, RolloutCompleted | RolloutAborted) and body.rollout_id == rollout_id:
                    return recorded
                if isinstance(body, RolloutStepReached) and body.rollout_id == rollout_id:
                    report(f"step {body.step}: {body.weight:.0%} of the traffic")
            try:
                departments.gateway.rollout(rollout_id)
                last_answer = time.monotonic()
            except Unavailable:
                if time.monotonic() - last_answer > PATIENCE_SECONDS:
                    raise
            time.sleep(POLL_SECONDS)
    except LifecycleError:
        raise
    except BaseException:
        departments.gateway.abort(rollout_id, reason="the run that waited for it was cancelled", cause="cancelled")
        raise


def _record_abort(departments: Departments, subject: Subject, rollout_id: str, step: Step, cause: str, reason: str) -> None:
    body = RolloutAborted.of({"rollout_id": rollout_id, "cause": cause, "reason": reason, "observed": []})
    departments.ledger.append(
        Event.happened(
            body,
            subject=subject,
            actor=step.actor,
            environment=departments.environment,
            run_id=step.run_id,
            inputs=links(model=subject.digest),
            event_id=step.event_id("aborted", rollout_id),
        )
    )
