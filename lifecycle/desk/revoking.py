"""The requests to take something back: a version, what somebody signed, a key, and access that was granted."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lifecycle.desk.asking import Asked, begin, prose, signed_as
from lifecycle.desk.desk import desk_of
from lifecycle.desk.guard import form_of, text_in, visitor_of
from lifecycle.desk.matters.known import REVOCATIONS
from lifecycle.errors import MalformedRecord
from lifecycle.life.access.grants import grant_of
from lifecycle.life.access.signed_access import ROLES as GRANTING
from lifecycle.life.access.signed_access import owns_all, revocation_to_sign
from lifecycle.life.revocation import ROLES, first_since, statement_to_sign, target_of
from lifecycle.records.approval import AnyStatement
from lifecycle.records.record import Microseconds


def begin_revocation(request: Request) -> Response:
    """What is to be signed to take back the version, the approval, the waiver or the key that the form names."""
    said, person, departments = form_of(request), visitor_of(request).person, desk_of(request).departments
    what, reason, since_us = text_in(said, "what"), prose(said.get("reason", "")), _moment(said.get("since", ""))
    target = target_of(departments, what)

    def made() -> AnyStatement:
        compromised_from = None if since_us is None else first_since(departments, target, since_us)
        return statement_to_sign(departments, target.name, person=person, reason=reason, compromised_from=compromised_from)

    # Whose it is needs no role.
    roles = () if target.whose == person else ROLES[target.revokes]
    return begin(request, Asked(REVOCATIONS, roles, made), "/", f"lifecycle revoke {target.name} {signed_as(person)}")


def begin_revocation_of_access(request: Request) -> Response:
    """The same for access."""
    said, person, departments = form_of(request), visitor_of(request).person, desk_of(request).departments
    grant, reason = grant_of(departments, request.path_params["grant"]).body, prose(said.get("reason", ""))

    def made() -> AnyStatement:
        return revocation_to_sign(departments, grant.grant_id, person=person, reason=reason)

    roles = () if owns_all(departments, person, grant.models) else GRANTING
    asked = Asked(REVOCATIONS, roles, made)
    return begin(request, asked, "/access", f"lifecycle access revoke {grant.grant_id} {signed_as(person)}")


def _moment(text: str) -> Microseconds | None:
    """When a form says that something was, which browsers write without a zone (HTML, `datetime-local`): UTC, as all times here."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        found = int(at.replace(tzinfo=UTC).timestamp() * 1_000_000)
    except (ValueError, OverflowError) as error:
        raise MalformedRecord(f"{text!r} is no time.", "Write it as 2026-11-20T08:00, in UTC.") from error
    if at.tzinfo is not None or found < 0:
        raise MalformedRecord(f"{text!r} is no time in UTC.", "Write it as 2026-11-20T08:00.")
    return found


ROUTES = (
    Route("/revocations", begin_revocation, methods=["POST"], name="begin_revocation"),
    Route("/access/{grant}/revocation", begin_revocation_of_access, methods=["POST"], name="begin_revocation_of_access"),
)
