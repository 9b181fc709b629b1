"""An attempt of somebody who has shown who they are, and may not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lifecycle.errors import Refused
from lifecycle.life.people.attempts import record_attempt
from lifecycle.records.approval import AnyStatement
from lifecycle.records.bodies.governors import Signable
from lifecycle.wiring import Departments


@contextmanager
def barred_attempts_kept(departments: Departments, about: Signable, statement: AnyStatement) -> Iterator[None]:
    """Keeps the attempt if what is signed is refused within, as the signer's own: their passkey was found to have signed it."""
    try:
        yield
    except Refused as error:
        digest = statement.content_digest()
        record_attempt(departments, statement.speaker, about, error.rules, error.what, statement_digest=digest, authenticated=True)
        raise
