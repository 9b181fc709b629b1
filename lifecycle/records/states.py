"""The states of one version in one environment, and every way from one to the next.

A state is a pure fold over events. What is not in `TRANSITIONS` cannot happen: the fold raises
IllegalTransition and names the event, and the ledger takes no event that would make it so.

| state       | purpose                                     | entered by                                    | left by                                                        |
| ----------- | ------------------------------------------- | --------------------------------------------- | -------------------------------------------------------------- |
| trained     | bytes exist and are signed                  | ModelTrained                                  | ModelEvaluated                                                 |
| evaluated   | evidence on exactly these bytes exists      | ModelEvaluated                                | DecisionMade of promotion or deployment                        |
| denied      | the gate said no                            | DecisionMade: deny                            | a new ModelEvaluated here, DecisionMade, VersionRetired        |
| waiting     | people must approve                         | DecisionMade: needs_approval                  | DecisionMade, ModelEvaluated here, VersionExpired, a refusal   |
| allowed     | may be deployed here                        | DecisionMade: allow                           | RolloutRequested, VersionExpired, a new DecisionMade           |
| rolling_out | takes a share of the traffic                | RolloutRequested                              | RolloutCompleted, RolloutAborted, RolledBack                   |
| serving     | takes all the traffic; one a model at most  | RolloutCompleted, or RolledBack to it         | another's RolloutCompleted, RolledBack from it; RolloutRequested where the gateway lost it |
| superseded  | stands by as the target of a rollback       | another version's RolloutCompleted            | RolledBack to it, VersionRetired                               |
| rolled_back | was taken out for cause                     | RolledBack from it                            | DecisionMade (a fresh look), RolledBack to it, VersionRetired  |
| expired     | was allowed or waiting for too long         | VersionExpired                                | DecisionMade, VersionRetired                                   |
| revoked     | must not serve again                        | VersionRevoked, from every state but retired  | VersionRetired                                                 |
| retired     | is over                                     | VersionRetired                                | nothing                                                        |

Training and evaluation are about bytes, not about a place: they count in every environment. A new evaluation takes back
only what is undecided, and only where it was made: what is allowed or serves stays so until a gate or a person says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    ("trained", "ModelEvaluated:elsewhere"): "evaluated",
    ("denied", "ModelEvaluated"): "evaluated",
    ("waiting", "ModelEvaluated"): "evaluated",
    # Of what is decided, and for what was judged elsewhere, a new evaluation is evidence and moves nothing.
    **{
        (state, "ModelEvaluated"): state
        for state in ("evaluated", "allowed", "rolling_out", "serving", "superseded", "rolled_back", "expired", "revoked", "retired")
    },
    **{
        (state, "ModelEvaluated:elsewhere"): state
        for state in (
            *("evaluated", "denied", "waiting", "allowed", "rolling_out", "serving"),
            *("superseded", "rolled_back", "expired", "revoked", "retired"),
        )
    },
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
    ("serving", "RolloutRequested"): "rolling_out",
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
    # A gateway hears of a revocation a moment later: what it did until then, and that it took the version out, is told all the same.
    **{
        ("revoked", happened): "revoked"
        for happened in ("RolloutStepReached", "RolloutCompleted", "RolloutAborted", "RolledBack:from", "RolledBack:to")
    },
    ("superseded", "VersionRetired"): "retired",
    ("rolled_back", "VersionRetired"): "retired",
    ("denied", "VersionRetired"): "retired",
    ("expired", "VersionRetired"): "retired",
    ("revoked", "VersionRetired"): "retired",
}

#: Events that tell something about a version without moving it.
SILENT = frozenset(
    {
        *("TrainingStarted", "TrainingFailed", "ApprovalRequested", "ApprovalGiven", "ApprovalBarred", "ApprovalRevoked", "WaiverSigned"),
        *("GlassBroken", "ReviewGiven"),
        *("RollbackRequested", "MonitoringReported", "DecisionsRecalled"),
    }
)


def step(state: State | None, happened: str, event: Event) -> State:
    """The state after what happened. Raises IllegalTransition where there is no way from this state."""
    following = TRANSITIONS.get((state, happened))
    if following is None:
        allowed = sorted(name for before, name in TRANSITIONS if before == state)
        raise IllegalTransition(
            f"{event.subject} in {event.environment} is {state or 'unknown'}, so {happened} (event {event.id}) cannot happen to it.",
            f"From here only these can: {', '.join(allowed) or 'nothing'}.",
        )
    return following


def happened_to(version: int, event: Event, environment: str) -> str | None:
    """What an event does to one version of its model in an environment, by its name in `TRANSITIONS`; None for nothing."""
    body, about = event.body, event.subject.version
    if event.subject.kind != "model" or about is None or event.type in SILENT:
        return None
    if event.environment != environment:
        if event.type not in EVERYWHERE or about != version:
            return None
        return "ModelEvaluated:elsewhere" if event.type == "ModelEvaluated" else event.type
    if isinstance(body, RolledBack):
        return "RolledBack:from" if version == body.from_version else "RolledBack:to" if version == body.to_version else None
    if isinstance(body, RolloutCompleted) and about != version:
        return "RolloutCompleted:other"
    if about != version:
        return None
    if isinstance(body, DecisionMade):
        return f"DecisionMade:{body.decision.result.outcome}" if body.decision.gate in MOVING_GATES else None
    return event.type


def after(state: State | None, version: int, event: Event, environment: str) -> State | None:
    """The state of one version after an event. Raises IllegalTransition where the event cannot happen to it."""
    happened = happened_to(version, event, environment)
    if happened is None or (happened == "RolloutCompleted:other" and state != "serving"):
        return state
    return step(state, happened, event)


def touched(event: Event) -> tuple[int, ...]:
    """The versions that an event names: those whose state must permit it."""
    if isinstance(event.body, RolledBack):
        return (event.body.from_version, *(() if event.body.to_version is None else (event.body.to_version,)))
    return () if event.subject.kind != "model" or event.subject.version is None else (event.subject.version,)


class Fold:
    """The states of one environment as its events come in, in ledger order."""

    def __init__(self, environment: str, states: Mapping[tuple[str, int], State] | None = None) -> None:
        self.environment = environment
        self.states: dict[tuple[str, int], State] = dict(states or {})

    def apply(self, event: Event) -> None:
        """Takes one event in. Raises IllegalTransition, and stays as it is, where the event cannot happen."""
        name, found = event.subject.name, {}
        serving = [version for (model, version), state in self.states.items() if model == name and state == "serving"]
        others = serving if isinstance(event.body, RolloutCompleted) else []
        for version in dict.fromkeys((*touched(event), *others)):
            state = after(self.states.get((name, version)), version, event, self.environment)
            if state is not None:
                found[name, version] = state
        self.states.update(found)


def fold(events: Iterable[Event], environment: str) -> dict[tuple[str, int], State]:
    """The state of every (model, version) in one environment, from all events in ledger order."""
    folded = Fold(environment)
    for event in events:
        folded.apply(event)
    return folded.states
