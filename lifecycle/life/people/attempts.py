"""Attempts to sign that were refused: the record says in whose name, under what, and which rules it breaks."""

from __future__ import annotations

from lifecycle.records.bodies.governors import Signable, SignatureBarred
from lifecycle.records.events import Actor, Event, Subject
from lifecycle.records.record import ActorId, Digest
from lifecycle.wiring import Departments


def record_attempt(
    departments: Departments,
    person: ActorId,
    about: Signable,
    rules: tuple[str, ...],
    reason: str,
    *,
    statement_digest: Digest | None = None,
    authenticated: bool = False,
) -> None:
    """Keeps a refused attempt to sign in somebody's name. `authenticated`: whether it was really they who tried."""
    body = SignatureBarred(person=person, about=about, statement_digest=statement_digest, rules=rules, reason=reason)
    actor = Actor(id=person, kind="human", authenticated=authenticated)
    subject = Subject(kind="person", name=person)
    departments.ledger.append(Event.happened(body, subject=subject, actor=actor, environment=departments.environment))
