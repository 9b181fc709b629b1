"""The requests to change what governs: a proposal that what stands in governance/ counts, and the agreement to one."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lifecycle.desk.asking import Asked, begin, prose, signed_as
from lifecycle.desk.desk import Desk, desk_of
from lifecycle.desk.guard import form_of, visitor_of
from lifecycle.desk.matters.known import CHANGES
from lifecycle.errors import Refused
from lifecycle.life.people.attempts import record_attempt
from lifecycle.life.people.governing import ROLE as GOVERNOR
from lifecycle.life.people.governing import agreement_to_sign, proposal_to_sign
from lifecycle.records.approval import AnyStatement
from lifecycle.records.record import ActorId

#: The rules of who may change what governs.
WHO = frozenset({"GOV-004", "GOV-005"})


def begin_proposal(request: Request) -> Response:
    """What is to be signed to propose that what stands in governance/ counts."""
    said, person, desk = form_of(request), visitor_of(request).person, desk_of(request)
    made = _change(desk, person, prose(said.get("reason", "")), None)
    return begin(request, Asked(CHANGES, (GOVERNOR,), made), "/governance", f"lifecycle governance propose {signed_as(person)}")


def begin_agreement(request: Request) -> Response:
    """The same for agreeing to a proposal."""
    said, person, desk = form_of(request), visitor_of(request).person, desk_of(request)
    proposal = request.path_params["proposal"]
    made = _change(desk, person, prose(said.get("reason", "")), proposal)
    return begin(request, Asked(CHANGES, (GOVERNOR,), made), "/governance", f"lifecycle governance agree {proposal} {signed_as(person)}")


def _change(desk: Desk, person: ActorId, reason: str, proposal: str | None) -> Callable[[], AnyStatement]:
    def made() -> AnyStatement:
        try:
            if proposal is None:
                return proposal_to_sign(desk.departments, person, reason)
            return agreement_to_sign(desk.departments, person, reason, proposal)
        except Refused as error:
            # Whoever may not is told before they sign: that they tried is kept, a few times an hour at most.
            if set(error.rules) & WHO and desk.records_of_person.allows(person):
                record_attempt(desk.departments, person, "governance", error.rules, error.what, authenticated=True)
            raise

    return made


ROUTES = (
    Route("/governance/proposal", begin_proposal, methods=["POST"], name="begin_proposal"),
    Route("/governance/{proposal}/agreement", begin_agreement, methods=["POST"], name="begin_agreement"),
)
