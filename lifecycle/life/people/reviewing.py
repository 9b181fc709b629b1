"""What is done first and looked at afterwards: a broken glass, and a rollback. Who may look, and what is still owed.

Nobody reviews what they did or stand behind: not those who broke the glass, not whoever asked for the rollback, and not
whoever had a part in the version.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lifecycle.errors import Refused, UnknownName
from lifecycle.life.gates import judging, standing
from lifecycle.life.people.attempts import refused_attempts_kept
from lifecycle.life.people.given_reviews import holds
from lifecycle.life.people.in_force import people_in_force
from lifecycle.life.people.known_reviews import ROLES
from lifecycle.life.people.said import said_now
from lifecycle.life.recording import Step, require_prose
from lifecycle.records.approval import Envelope, ReviewStatement
from lifecycle.records.bodies.reviews import GlassBroken, ReviewGiven
from lifecycle.records.bodies.serving import RolledBack
from lifecycle.records.events import Actor, Event, Recorded, Subject
from lifecycle.records.identity import new_id, now_us
from lifecycle.records.record import HOUR_US, ActorId, Microseconds, Name
from lifecycle.wiring import Departments

Verdict = Literal["justified", "not_justified"]
#: The limit that says when a review is due, and what it is where a version's own limits can't be had any more.
REVIEW_LIMIT, REVIEW_HOURS = "review_hours", 72.0


@dataclass(frozen=True)
class OpenReview:
    """What nobody has looked at yet: the record, which version it is about, and by when somebody must."""

    event_id: str
    kind: Literal["GlassBroken", "RolledBack"]
    model: Name
    version: int
    happened_at_us: Microseconds
    due_at_us: Microseconds
    #: Who may not review it, beside the makers of the version.
    by: tuple[ActorId, ...]

    @property
    def what(self) -> str:
        return "broken glass" if self.kind == "GlassBroken" else "rollback"

    @property
    def roles(self) -> tuple[Name, ...]:
        """Of which one is enough to review it."""
        return ROLES[self.kind]


def open_reviews(departments: Departments) -> tuple[OpenReview, ...]:
    """What is still owed here, the earliest due first."""
    found = departments.ledger.events(types=("GlassBroken", "RolledBack", "ReviewGiven"), environment=departments.environment)
    done = {one.event.body.statement.event_id for one in found if isinstance(one.event.body, ReviewGiven) and holds(departments, one)}
    owed = (_owed(departments, one) for one in found if one.event.id not in done)
    return tuple(sorted((one for one in owed if one is not None), key=lambda one: (one.due_at_us, one.event_id)))


def review_to_sign(departments: Departments, event_id: str, *, person: str, verdict: Verdict, reason: str) -> ReviewStatement:
    """What somebody is to sign who looked at a broken glass or a rollback. Every call makes another statement.

    Raises UnknownName where nothing of this id waits for a review, or for nobody; InvalidDeclaration for a reason that says nothing.
    """
    require_prose(reason, "A review")
    owed = _open(departments, event_id)
    return ReviewStatement(
        event_id=owed.event_id,
        verdict=verdict,
        model=owed.model,
        version=owed.version,
        **said_now(departments, person, reason),
    )


def sign_review(departments: Departments, event_id: str, *, person: str, key_file: Path, verdict: Verdict, reason: str) -> Recorded:
    """Signs a review in one person's name and with a key file, and records it. Raises like `review_to_sign` and `record_review`."""
    from lifecycle.approvals.keys import load_key
    from lifecycle.approvals.statements import signed

    statement = review_to_sign(departments, event_id, person=person, verdict=verdict, reason=reason)
    key = load_key(key_file)
    with refused_attempts_kept(departments, "review", statement):
        return record_review(departments, signed(statement, key, people_in_force(departments)))


def record_review(departments: Departments, envelope: Envelope) -> Recorded:
    """Records what somebody signed, under an id that follows from the statement: it can't stand in the ledger twice.

    Raises Refused where the person may not review this or the key is not theirs or not in force, UnknownName where the review was
    given in the meantime, Tampered where the signature does not hold.
    """
    from lifecycle.approvals.statements import opened

    statement = opened(envelope, ReviewStatement, people_in_force(departments), now_us())
    owed = _open(departments, statement.event_id)
    if (statement.model, statement.version, statement.environment) != (owed.model, owed.version, departments.environment):
        raise Refused("This was signed for another version, or for another environment.", "Sign what is shown here.", ("REV-001",))
    _require_may(departments, owed, statement.signer)
    trained = standing.trained(departments, owed.model, owed.version)
    event = Event.happened(
        ReviewGiven(envelope=envelope),
        subject=Subject(kind="model", name=owed.model, version=owed.version, digest=trained.event.subject.digest),
        actor=Actor(id=statement.signer, kind="human", authenticated=True),
        environment=departments.environment,
        at_us=statement.signed_at_us,
        event_id=statement.recorded_as,
    )
    with departments.ledger.writing() as writer:
        given = [one for one in writer.events(types=("ReviewGiven",), name=owed.model, version=owed.version) if holds(departments, one)]
        if owed.event_id in {standing.body_of(one, ReviewGiven).statement.event_id for one in given}:
            raise _reviewed_already(owed.event_id)
        receipt = writer.append(event)
    return Recorded(index=receipt.index, event=event)


def _require_may(departments: Departments, owed: OpenReview, person: ActorId) -> None:
    """Raises Refused, with the rule that bars them, for whoever had a part in what is reviewed or holds none of the roles."""
    people, now = people_in_force(departments), now_us()
    names = {person, *people.also(person, now)}
    step = Step(run_id=new_id())
    makers = judging.model_subject(departments, standing.trained(departments, owed.model, owed.version), step).makers
    if names & {maker.id for maker in makers} or names & set(owed.by):
        raise Refused(
            f"{person} had a part in {owed.model}:{owed.version} or in what is reviewed.",
            "Have somebody review it who had none, in their own name or as a member of a team.",
            ("REV-002",),
        )
    if not set(ROLES[owed.kind]) & set(people.roles(person, now)):
        raise Refused(
            f"{person} holds none of the roles that review a {owed.what}: {', '.join(ROLES[owed.kind])}.",
            "`lifecycle people list` shows who does.",
            ("REV-003",),
        )


def _open(departments: Departments, event_id: str) -> OpenReview:
    owed = next((one for one in open_reviews(departments) if one.event_id == event_id), None)
    if owed is None:
        raise _reviewed_already(event_id)
    return owed


def _reviewed_already(event_id: str) -> UnknownName:
    return UnknownName(f"Nothing with the id {event_id} waits for a review here.", "`lifecycle status` lists what does.")


def _owed(departments: Departments, recorded: Recorded) -> OpenReview | None:
    event, body = recorded.event, recorded.event.body
    if isinstance(body, GlassBroken) and event.subject.version is not None:
        return OpenReview(
            event.id, "GlassBroken", event.subject.name, event.subject.version, event.occurred_at_us, body.review_by_us, body.signed_by
        )
    if isinstance(body, RolledBack):
        due = event.occurred_at_us + round(review_hours(departments, event.subject.name, body.from_version) * HOUR_US)
        asked = (event.actor.id,) if event.actor.authenticated else ()
        return OpenReview(event.id, "RolledBack", event.subject.name, body.from_version, event.occurred_at_us, due, asked)
    return None


def review_hours(departments: Departments, model: Name, version: int) -> float:
    """Within how many hours somebody must look, by the limits that hold now for what was declared of the version."""
    try:
        declared = judging.declared_of(standing.trained(departments, model, version))
    except UnknownName:
        # The bytes of what trained it are pruned; that it was rolled back stays for good.
        return REVIEW_HOURS
    limits = departments.limit_sets.get(declared.limits)
    if limits is None:
        return REVIEW_HOURS
    case = limits.in_case(risk_tier=declared.risk_tier, jurisdiction=declared.jurisdiction)
    stated = case.get(REVIEW_LIMIT)
    return declared.limit_overrides.get(REVIEW_LIMIT, REVIEW_HOURS if stated is None else stated.value)


def overdue(reviews: Iterable[OpenReview], at_us: Microseconds) -> tuple[OpenReview, ...]:
    """Those whose time is over."""
    return tuple(one for one in reviews if one.due_at_us <= at_us)
