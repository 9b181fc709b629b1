"""The rollback step, by hand, by schedule or by sensor: back to the last version that was allowed here.

The gateway takes a bad canary out by itself, in milliseconds; this is the way for everything that is not that fast.
The same gate is asked. Where it can't be asked, a rollback to a version that was allowed here goes ahead all the same:
the gateway holds the proof, journals the intent, and enters it in the ledger as soon as that answers.
"""

from __future__ import annotations

from dataclasses import dataclass

from lifecycle.declaration import GovernedModel
from lifecycle.errors import LifecycleError, Refused
from lifecycle.life.gates import judging, standing
from lifecycle.life.gates.asking import ask, require_allowed
from lifecycle.life.recording import Step, require_prose
from lifecycle.records.bodies.serving import RolledBack, Trigger
from lifecycle.records.events import Recorded
from lifecycle.records.gates import RollbackEvidence
from lifecycle.records.record import Digest
from lifecycle.records.states import State
from lifecycle.wiring import Departments

#: How far back a rollback is looked for that is asked for again: whoever does so does it soon.
_LATEST = 50


def roll_back(
    departments: Departments,
    model: GovernedModel,
    step: Step,
    *,
    reason: str,
    to_version: int | None = None,
    trigger: Trigger | None = None,
) -> RolledBack:
    """Takes what serves (or is being rolled out) back to a version that was allowed here; returns what was observed. Once: asked again
    by the same step, it returns what was observed then, although another version serves by now.

    `to_version` defaults to the last one that served, `trigger` to the person who asks. Raises Refused where there is none or the
    gate says no, Unavailable where the gateway does not answer.
    """
    require_prose(reason, "A rollback")
    trigger = trigger or Trigger(kind="person", metric="", value=None, limit=None, detail=reason)
    judged: Judged | None = None
    rollback_id = step.event_id("rollback")
    try:
        done = recorded_rollback(departments, rollback_id, model=model.name)
        if done is not None:
            return standing.body_of(done, RolledBack)
        judged = _ask(departments, model, step, trigger, reason, to_version)
    except LifecycleError as error:
        if _is_an_answer(error):
            raise
        reason = f"{reason} (the gate could not be asked: {error.what})"
    # Where the gate has judged a way, the gateway goes that way or none: what it serves may differ from what the ledger says.
    return departments.gateway.rollback(
        model.name,
        from_version=judged.leaving if judged else None,
        to_version=judged.target if judged else to_version,
        trigger=trigger,
        reason=reason,
        rollback_id=rollback_id,
        decision_id=judged.decision_id if judged else None,
    )


def recorded_rollback(departments: Departments, rollback_id: str, *, model: str | None = None) -> Recorded | None:
    """The RolledBack of this id, among the latest; None where none of them is."""
    latest = departments.ledger.events(
        types=("RolledBack",), name=model, environment=departments.environment, newest_first=True, limit=_LATEST
    )
    return next((one for one in latest if standing.body_of(one, RolledBack).rollback_id == rollback_id), None)


@dataclass(frozen=True)
class Judged:
    """The way that the gate allowed."""

    decision_id: str
    leaving: int
    target: int | None


@dataclass(frozen=True)
class Way:
    """What a rollback would take out, and what would serve after it; None where nothing would."""

    leaving: int
    target: int | None


def way_back(departments: Departments, model: str) -> Way:
    """The way that a rollback of a model would take now. Raises Refused where there is none."""
    mine = {version: state for (name, version), state in standing.states(departments).items() if name == model}
    leaving = _leaving(model, mine)
    return Way(leaving, _last_served(departments, model, mine, leaving))


def _is_an_answer(error: LifecycleError) -> bool:
    """Whether somebody said no.

    An engine, a policy, a registry or a ledger that is broken says nothing (SYS), and nor does a gate whose rules nobody has agreed to
    (GOV): an edit in governance/ that waits for its second person must not keep a bad version in service.
    """
    return isinstance(error, Refused) and not (error.rules and all(rule.startswith(("SYS-", "GOV-")) for rule in error.rules))


def _ask(departments: Departments, model: GovernedModel, step: Step, trigger: Trigger, reason: str, to_version: int | None) -> Judged:
    states = standing.states(departments)
    mine = {version: state for (name, version), state in states.items() if name == model.name}
    leaving = _leaving(model.name, mine)
    if to_version is not None and to_version not in mine:
        raise Refused(
            f"There is no {model.name}:{to_version} to go back to.", "`lifecycle status` shows which versions have served here.", ("STATE",)
        )
    target = to_version if to_version is not None else _last_served(departments, model.name, mine, leaving)
    target_digest = None if target is None else standing.trained(departments, model.name, target).event.subject.digest
    leaving_digest = standing.trained(departments, model.name, leaving).event.subject.digest
    assert leaving_digest is not None  # a ModelTrained is written with one
    evidence = RollbackEvidence(
        trigger=trigger.kind,
        metric=trigger.metric,
        value=trigger.value,
        limit=trigger.limit,
        from_digest=leaving_digest,
        to_digest=target_digest,
        to_version=target,
        to_was_allowed=target is not None and _was_allowed(departments, model.name, target, target_digest),
        to_revoked=target is not None and mine.get(target) in ("revoked", "retired"),
    )
    decision = ask(departments, judging.rollback_input(departments, model, evidence, leaving, step, reason), step)
    require_allowed(decision, f"The rollback of {model.name}:{leaving}")
    return Judged(decision.id, leaving, target)


def _leaving(model: str, mine: dict[int, State]) -> int:
    """The version to take out: the one that is being rolled out, or the one that serves."""
    for wanted in ("rolling_out", "serving"):
        for version, state in mine.items():
            if state == wanted:
                return version
    raise Refused(
        f"No version of {model} serves here, so there is nothing to roll back.", "`lifecycle status` shows what serves.", ("STATE",)
    )


def _last_served(departments: Departments, model: str, mine: dict[int, State], leaving: int) -> int | None:
    """What stays or comes back: the champion while a canary is out, else the version that served before."""
    serving = next((version for version, state in mine.items() if state == "serving" and version != leaving), None)
    if serving is not None:
        return serving
    for recorded in departments.ledger.events(
        types=("RolloutCompleted",), name=model, environment=departments.environment, newest_first=True
    ):
        version = recorded.event.subject.version
        if version not in (None, leaving) and mine.get(version) == "superseded":
            return version
    if mine.get(leaving) == "rolling_out":
        return None
    raise Refused(
        f"No version that served here before {model}:{leaving} may come back, so there is nothing to go back to.",
        "Deploy another version, or stop the gateway if nothing may serve.",
        ("STATE",),
    )


def _was_allowed(departments: Departments, model: str, version: int, digest: Digest | None) -> bool:
    """Whether a deployment decision once allowed exactly these bytes here."""
    made = standing.decisions(departments, model, version, "deployment")
    return any(decision.allowed and event.subject.digest == digest for event, decision in made)
