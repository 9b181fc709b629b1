"""The states of one version in one environment, and every way from one to the next.

A state is a pure fold over events. What is not in `TRANSITIONS` cannot happen: the fold raises
IllegalTransition and names the event.

| state       | purpose                                     | entered by                                    | left by                                                        |
| ----------- | ------------------------------------------- | --------------------------------------------- | -------------------------------------------------------------- |
| trained     | bytes exist and are signed                  | ModelTrained                                  | ModelEvaluated                                                 |
| evaluated   | evidence on exactly these bytes exists      | ModelEvaluated                                | DecisionMade of promotion or deployment                        |
| denied      | the gate said no                            | DecisionMade: deny                            | a new ModelEvaluated or DecisionMade                           |
| waiting     | people must approve                         | DecisionMade: needs_approval                  | DecisionMade, VersionExpired, a refusal (ApprovalRefused)      |
| allowed     | may be deployed here                        | DecisionMade: allow                           | RolloutRequested, VersionExpired, a new DecisionMade           |
| rolling_out | takes a share of the traffic                | RolloutRequested                              | RolloutCompleted, RolloutAborted, RolledBack                   |
| serving     | takes all the traffic                       | RolloutCompleted, or RolledBack to it         | another's RolloutCompleted, RolledBack from it                 |
| superseded  | stands by as the target of a rollback       | another version's RolloutCompleted            | RolledBack to it, RolloutRequested (redeployed), VersionRetired|
| rolled_back | was taken out for cause                     | RolledBack from it                            | DecisionMade (a fresh look), VersionRetired                    |
| expired     | was allowed or waiting for too long         | VersionExpired                                | DecisionMade                                                   |
| revoked     | must not serve again                        | VersionRevoked, from every state but retired  | VersionRetired                                                 |
| retired     | is over                                     | VersionRetired                                | nothing                                                        |

Training and evaluation are about bytes, not about a place: they count in every environment.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from lifecycle.errors import IllegalTransition
from lifecycle.records.bodies.decisions import DecisionMade
from lifecycle.records.bodies.serving import RolledBack, RolloutCompleted
from lifecycle.records.events import Event

State = Literal[
    "trained",
    "evaluated",
    "denied",
    "waiting",
    "allowed",
    "rolling_out",
    "serving",
    "superseded",
    "rolled_back",
    "expired",
    "revoked",
    "retired",
]

#: Events about bytes, which count in every environment.
EVERYWHERE = frozenset({"ModelTrained", "ModelEvaluated"})
#: Gates whose decisions move a version; the others decide about data, money and rollbacks.
MOVING_GATES = frozenset({"promotion", "deployment"})

_JUDGED: dict[str, State] = {"allow": "allowed", "deny": "denied", "needs_approval": "waiting"}
_LIVING: tuple[State, ...] = (
    "trained",
    "evaluated",
    "denied",
    "waiting",
    "allowed",
    "rolling_out",
    "serving",
    "superseded",
    "rolled_back",
    "expired",
)

#: (state, what happened) → the next state. What happened is the event's type, with its outcome where that decides.
TRANSITIONS: dict[tuple[State | None, str], State] = {
    (None, "ModelTrained"): "trained",
    ("trained", "ModelEvaluated"): "evaluated",
    ("evaluated", "ModelEvaluated"): "evaluated",
    ("denied", "ModelEvaluated"): "evaluated",
    ("waiting", "ModelEvaluated"): "evaluated",
    **{
        (state, f"DecisionMade:{outcome}"): after
        for state in ("evaluated", "denied", "waiting", "allowed", "expired", "rolled_back")
        for outcome, after in _JUDGED.items()
    },
    # A version that serves or stands by may be judged again for the record; what serves is taken out by RolledBack only.
    **{(state, f"DecisionMade:{outcome}"): state for state in ("rolling_out", "serving", "superseded") for outcome in _JUDGED},
    ("waiting", "ApprovalRefused"): "denied",
    ("waiting", "VersionExpired"): "expired",
    ("allowed", "VersionExpired"): "expired",
    ("allowed", "RolloutRequested"): "rolling_out",
    ("superseded", "RolloutRequested"): "rolling_out",
    ("rolling_out", "RolloutStepReached"): "rolling_out",
    ("rolling_out", "RolloutCompleted"): "serving",
    ("rolling_out", "RolloutAborted"): "allowed",
    ("rolled_back", "RolloutAborted"): "rolled_back",
    ("rolling_out", "RolledBack:from"): "rolled_back",
    ("serving", "RolledBack:from"): "rolled_back",
    ("superseded", "RolledBack:to"): "serving",
    ("serving", "RolledBack:to"): "serving",
    ("rolled_back", "RolledBack:to"): "serving",
    ("serving", "RolloutCompleted:other"): "superseded",
    **{(state, "VersionRevoked"): "revoked" for state in _LIVING},
    ("superseded", "VersionRetired"): "retired",
    ("rolled_back", "VersionRetired"): "retired",
    ("denied", "VersionRetired"): "retired",
    ("expired", "VersionRetired"): "retired",
    ("revoked", "VersionRetired"): "retired",
}

#: Events that tell something about a version without moving it.
SILENT = frozenset(
    {"TrainingStarted", "TrainingFailed", "ApprovalRequested", "ApprovalGiven", "ApprovalBarred", "RollbackRequested", "MonitoringReported"}
)


def step(state: State | None, happened: str, event: Event) -> State:
    """The state after what happened. Raises IllegalTransition where there is no way from this state."""
    after = TRANSITIONS.get((state, happened))
    if after is None:
        allowed = sorted(name for before, name in TRANSITIONS if before == state)
        raise IllegalTransition(
            f"{event.subject} in {event.environment} is {state or 'unknown'}, so {happened} (event {event.id}) cannot happen to it.",
            f"From here only these can: {', '.join(allowed) or 'nothing'}.",
        )
    return after


def moves(event: Event) -> list[tuple[int, str]]:
    """Which versions this event moves, and by what: (version, what happened). None for events that move nothing."""
    if event.subject.kind != "model" or event.subject.version is None or event.type in SILENT:
        return []
    version, body = event.subject.version, event.body
    if isinstance(body, DecisionMade):
        moving = body.decision.gate in MOVING_GATES
        return [(version, f"DecisionMade:{body.decision.result.outcome}")] if moving else []
    if isinstance(body, RolloutCompleted):
        others = [] if body.superseded_version in (None, version) else [(body.superseded_version, "RolloutCompleted:other")]
        return [*others, (version, "RolloutCompleted")]
    if isinstance(body, RolledBack):
        back = [] if body.to_version is None else [(body.to_version, "RolledBack:to")]
        return [(body.from_version, "RolledBack:from"), *back]
    return [(version, event.type)]


def fold(events: Iterable[Event], environment: str) -> dict[tuple[str, int], State]:
    """The state of every (model, version) in one environment, from all events in ledger order."""
    states: dict[tuple[str, int], State] = {}
    for event in events:
        if event.environment != environment and event.type not in EVERYWHERE:
            continue
        for version, happened in moves(event):
            key = (event.subject.name, version)
            states[key] = step(states.get(key), happened, event)
    return states
