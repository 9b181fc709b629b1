"""Attempts to sign that were refused: the record says in whose name, under what, and which rules it breaks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lifecycle.errors import Refused, Tampered
from lifecycle.records.approval import AnyStatement
from lifecycle.records.bodies.governors import Signable, SignatureBarred
from lifecycle.records.events import Actor, Event, Subject
from lifecycle.records.record import ActorId, Digest
from lifecycle.wiring import Departments

#: The rule that a signature breaks which is not one on these bytes.
SIGNATURE_RULE = "SIGNATURE"


@contextmanager
def refused_attempts_kept(departments: Departments, about: Signable, statement: AnyStatement) -> Iterator[None]:
    """Keeps the attempt to sign this if it is refused within, and raises what was raised: whose key it was is not known."""
    try:
        yield
    except (Refused, Tampered) as error:
        rules = rules_of(error)
        record_attempt(departments, statement.speaker, about, rules, error.what, statement_digest=statement.content_digest())
        raise


def rules_of(error: Refused | Tampered) -> tuple[str, ...]:
    """The rules that an attempt breaks; a signature that does not hold breaks one of its own."""
    return (error.rules if isinstance(error, Refused) else ()) or (SIGNATURE_RULE,)


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
