"""Ending what the gateway's controller leaves to a person: an A/B test, and a shadow that no step follows.

The deployment gate has seen that the plan says so. What a person adds is a word and a reason, signed where people govern, and the
gateway records both with the end of the rollout: it promotes nothing before its last step has baked and answered enough, whoever
asks. A word is about one rollout, which ends once: said again, it changes nothing.
"""

from __future__ import annotations

from pathlib import Path

from lifecycle.declaration import GovernedModel
from lifecycle.errors import InvalidDeclaration, Refused
from lifecycle.life.gates import standing
from lifecycle.life.people.attempts import refused_attempts_kept
from lifecycle.life.people.in_force import people_in_force
from lifecycle.life.people.rollout_words import require_counts
from lifecycle.life.people.said import said_now
from lifecycle.life.recording import require_prose
from lifecycle.records.approval import RolloutPart, RolloutStatement
from lifecycle.records.bodies.serving import RolloutEnd
from lifecycle.records.events import Subject
from lifecycle.records.record import ActorId
from lifecycle.serving.rollouts.status import RolloutStatus
from lifecycle.serving.rollouts.word import Word
from lifecycle.wiring import Departments

_CALLED: dict[RolloutPart, str] = {"promote": "A promotion", "end": "The end of a rollout"}


def rollout_under_way(departments: Departments, model: GovernedModel) -> RolloutStatus:
    """How far this model's rollout is. Raises Refused where none is under way, Unavailable where the gateway does not answer."""
    found = next((served.rollout for served in departments.gateway.status().models if served.model == model.name), None)
    if found is None:
        raise Refused(
            f"No version of {model.name} is being rolled out here.",
            "`lifecycle deploy` rolls one out; `lifecycle status` shows which.",
            ("STATE",),
        )
    return found


def promote_by_hand(
    departments: Departments, model: GovernedModel, *, by: ActorId, reason: str, key_file: Path | None = None
) -> RolloutStatus:
    """Makes the version of an A/B test, or of a shadow, the champion; returns how the rollout ended. Signed where a key file is given.

    Raises UnknownName where nobody is enrolled as `by`, Refused where the plan promotes by itself, where the last step has not baked
    or answered enough, and like `rollout_words.require_counts`.
    """
    return _say(departments, model, "promote", by=by, reason=reason, key_file=key_file)


def end_by_hand(
    departments: Departments, model: GovernedModel, *, reason: str, by: ActorId | None = None, key_file: Path | None = None
) -> RolloutStatus:
    """Ends a rollout without judging its version, which may be deployed again; returns how it ended. Signed where a key file is given.

    Raises like `promote_by_hand`.
    """
    return _say(departments, model, "end", by=by, reason=reason, key_file=key_file)


def _say(
    departments: Departments, model: GovernedModel, part: RolloutPart, *, by: ActorId | None, reason: str, key_file: Path | None
) -> RolloutStatus:
    from lifecycle.approvals.keys import load_key
    from lifecycle.approvals.statements import signed

    if key_file is None:
        require_prose(reason, _CALLED[part])
        word = Word(part=part, rollout_id=rollout_under_way(departments, model).rollout_id, reason=reason, by=by)
        require_heard(departments, word)
        return departments.gateway.conclude(word)
    if by is None:
        raise InvalidDeclaration("A key signs in somebody's name.", "Give --as ID beside --key FILE.")
    statement = rollout_to_sign(departments, model, part, person=by, reason=reason)
    key = load_key(key_file)
    with refused_attempts_kept(departments, "rollout", statement):
        word = Word.signed(signed(statement, key, people_in_force(departments)))
        require_heard(departments, word)
    return departments.gateway.conclude(word)


def rollout_to_sign(departments: Departments, model: GovernedModel, part: RolloutPart, *, person: ActorId, reason: str) -> RolloutStatement:
    """What somebody is to sign about the rollout of a model that is under way. Every call makes another statement, with its own nonce.

    Raises Refused where none is under way, UnknownName for who is not enrolled, InvalidDeclaration for a reason that says nothing.
    """
    require_prose(reason, _CALLED[part])
    rollout = rollout_under_way(departments, model)
    digest = _about(departments, rollout).digest
    assert digest is not None  # a version that was trained has one
    return RolloutStatement(
        part=part,
        rollout_id=rollout.rollout_id,
        model=rollout.model,
        version=rollout.version,
        model_digest=digest,
        **said_now(departments, person, reason),
    )


def require_heard(departments: Departments, word: Word) -> None:
    """Returns where the gateway would take this word, which looks at it again by itself: whoever may not is told before it is asked.

    Raises UnknownName for a rollout that it does not know, and like `rollout_words.require_counts`.
    """
    require_counts(departments, word, _about(departments, departments.gateway.rollout(word.rollout_id)))


def said_before(departments: Departments, statement: RolloutStatement) -> bool:
    """Whether the ledger has the end of a rollout that says exactly this."""
    ends = departments.ledger.events(
        types=("RolloutCompleted", "RolloutAborted"), name=statement.model, version=statement.version, environment=statement.environment
    )
    return any(isinstance(one.event.body, RolloutEnd) and one.event.body.statement == statement for one in ends)


def _about(departments: Departments, rollout: RolloutStatus) -> Subject:
    return standing.trained(departments, rollout.model, rollout.version).event.subject
