"""The deployment step: ask again, order the rollout, and wait for what the gateway's controller reports.

The order of things is the promise: the decision is recorded and proven, then the intent is recorded, then the gateway
is told. A crash between any two of them leaves nothing half deployed: the gateway acts on complete orders only, and
the next deployment of the version goes on with what is recorded.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lifecycle.declaration import GovernedModel
from lifecycle.errors import LifecycleError, Refused, UnknownName
from lifecycle.life.awaiting import Report, await_end, end_rollout
from lifecycle.life.gates import judging, standing
from lifecycle.life.gates.asking import ask, decision_event, require_allowed
from lifecycle.life.recording import Step, links
from lifecycle.life.signing import proof_of
from lifecycle.records.bodies.decisions import DecisionMade
from lifecycle.records.bodies.serving import RolloutRequested
from lifecycle.records.bodies.training import ModelEvaluated, ModelTrained
from lifecycle.records.events import Event, Recorded
from lifecycle.records.gates import Decision, DeploymentEvidence
from lifecycle.records.identity import now_us
from lifecycle.records.rollout import RolloutOrder
from lifecycle.records.states import State, fold
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    from lifecycle.serving.rollouts.status import GatewayStatus

#: States that a deployment may start from; anything else has something to finish or to mend first.
DEPLOYABLE = frozenset({"waiting", "allowed"})


def deploy_version(departments: Departments, model: GovernedModel, version: int, step: Step, *, report: Report) -> Recorded:
    """Rolls one version out here; returns the RolloutCompleted, or the RolloutAborted of one that was taken out.

    Where the plan leaves the promotion to a person (an A/B test, a shadow), it returns the RolloutStepReached of its last step:
    the version has its share, and nothing is held until somebody promotes or ends it (`life.concluding`).

    Raises Refused where the gate or the state says no, Unavailable where the gateway does not answer. Cancelling the
    run that waits aborts the rollout, and says so in the ledger.
    """
    rollout_id = step.event_id("rollout", str(version))
    requested = departments.ledger.find(rollout_id) or _cut_short(departments, model, version)
    if requested is not None:
        rollout_id = standing.body_of(requested, RolloutRequested).rollout_id
        _go_on(departments, model, version, requested, step, report)
    else:
        decision_id = _allowing_decision(departments, model, version, step, report)
        request_rollout(departments, model, version, decision_id, rollout_id, step)
        _order(departments, model, version, decision_id, rollout_id, step)
    return await_end(departments, model, version, rollout_id, report)


def _allowing_decision(departments: Departments, model: GovernedModel, version: int, step: Step, report: Report) -> str:
    """The id of the decision under which this rollout goes out: the gate's answer of now, but for two cases.

    A step that was killed after the gate had allowed and before anything was requested left a decision that nothing has
    used: asking again would want a second approval. And a gateway that has lost what the ledger says serves gets it back
    under the decision that once allowed it.
    """
    status = departments.gateway.status()
    states = standing.states(departments)
    state = states.get((model.name, version))
    if state == "serving" and version not in _champions(status, model.name):
        report("the gateway has lost it; it goes out again under the decision that allowed it")
        return _decisions_that_allowed(departments, model, version)[-1].id
    _require_deployable(departments, model, version, states)
    unused = _unused_decision(departments, model, version)
    if unused is not None:
        report(f"allowed by decision {unused}, which a step that was cut short has left unused")
        return unused
    seen = departments.ledger.head().size
    decision = ask(departments, judging.deployment_input(departments, model, version, step), step, seen=seen)
    require_allowed(decision, f"The deployment of {model.name}:{version}")
    report(f"allowed by decision {decision.id}")
    return decision.id


def _champions(status: GatewayStatus, model: str) -> set[int]:
    return {arm.version for served in status.models if served.model == model for arm in served.versions if arm.arm == "champion"}


def _decisions_that_allowed(departments: Departments, model: GovernedModel, version: int) -> list[Decision]:
    return [decision for _, decision in standing.decisions(departments, model.name, version, "deployment") if decision.allowed]


def _unused_decision(departments: Departments, model: GovernedModel, version: int) -> str | None:
    """The newest deployment decision, where it allows, nothing was requested under it, and it would still be given."""
    decided = standing.decisions(departments, model.name, version, "deployment")
    if not decided or not decided[-1][1].allowed:
        return None
    decision = decided[-1][1]
    requested = departments.ledger.events(
        types=("RolloutRequested",), name=model.name, version=version, environment=departments.environment
    )
    used = any(standing.body_of(recorded, RolloutRequested).decision_id == decision.id for recorded in requested)
    in_time = all(approval.expires_at_us > now_us() for approval in decision.input.approvals)
    same_rules = decision.policy.bundle_digest == departments.gate_keeper.bundle_digest
    still_true = _was_shown_what_is(departments, model, version, *decided[-1])
    return decision.id if in_time and same_rules and still_true and not used else None


def _was_shown_what_is(departments: Departments, model: GovernedModel, version: int, event: Event, decision: Decision) -> bool:
    """Whether the newest evidence is what the gate saw, and every statement that the decision used up still verifies."""
    shown, body = decision.input.evidence, event.body
    evaluated = standing.body_of(standing.evaluated(departments, model.name, version), ModelEvaluated)
    verify_now = {approval.statement_digest for approval in judging.approvals_for(departments, model.name, version)}
    return (
        isinstance(shown, DeploymentEvidence)
        and shown.promotion.evaluation_digest == evaluated.evidence_digest
        and isinstance(body, DecisionMade)
        and verify_now.issuperset(body.consumed)
    )


def _require_deployable(departments: Departments, model: GovernedModel, version: int, states: Mapping[tuple[str, int], State]) -> None:
    state = states.get((model.name, version))
    if state not in DEPLOYABLE:
        again = f"`lifecycle ask {model.name}:{version}` puts it before the promotion gate again."
        ways = {"superseded": f"`lifecycle rollback {model.name} --to {version}` goes back to it.", "evaluated": again}
        ways |= dict.fromkeys(("denied", "rolled_back", "expired"), again)
        raise Refused(
            f"{model.name}:{version} is {state or 'unknown'} in {departments.environment}, so it can't be deployed.",
            ways.get(state or "", "`lifecycle status` shows what each version waits for."),
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


def request_rollout(departments: Departments, model: GovernedModel, version: int, decision_id: str, rollout_id: str, step: Step) -> None:
    """Records the intent; of two candidates in flight at once, the second is refused in the same transaction."""
    trained = standing.trained(departments, model.name, version)
    champion = standing.serving_version(departments, model.name)
    champion_digest = standing.trained(departments, model.name, champion).event.subject.digest if champion else None
    plan = judging.declared_of(trained).rollout
    body = RolloutRequested(
        rollout_id=rollout_id, plan=plan, decision_id=decision_id, champion_version=champion, champion_digest=champion_digest
    )
    inputs = links(model=trained.event.subject.digest, champion=champion_digest)
    event = step.happened(departments, body, trained.event.subject, event_id=rollout_id, inputs=inputs)
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
        decided = decision_event(departments, decision_id, model=model.name, version=version)
        order = RolloutOrder(
            rollout_id=rollout_id,
            model=model.name,
            version=version,
            digest=digest,
            environment=departments.environment,
            plan=judging.declared_of(trained).rollout,
            decision_id=decision_id,
            proof=proof_of(departments, decided.index),
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
        end_rollout(departments, trained.event.subject, rollout_id, reason=error.what, cause="failed")
        raise
