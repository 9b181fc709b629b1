"""The requests to let a version pass: an approval, a waiver; and the review of what went ahead without."""

from __future__ import annotations

import math
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lifecycle.desk.asking import Asked, begin, by_script, prose, signed_as
from lifecycle.desk.desk import desk_of
from lifecycle.desk.guard import form_of, text_in, visitor_of
from lifecycle.desk.matters.known import APPROVALS, REVIEWS, WAIVERS
from lifecycle.errors import MalformedRecord, Refused
from lifecycle.life.gates.waivers import ROLE as WAIVER_ROLE
from lifecycle.life.people.approval import record_barred, roles_asked, statement_once_asked, statement_to_sign
from lifecycle.life.people.attempts import rules_of
from lifecycle.life.people.known_reviews import ROLES as REVIEWING
from lifecycle.life.people.reviewing import review_to_sign
from lifecycle.life.people.waiving import waiver_to_sign
from lifecycle.records.approval import AnyStatement
from lifecycle.records.record import INTEGER_BOUND

MOST_DAYS = 3_660


def begin_approval(request: Request) -> Response:
    """What is to be signed about a version, for the script."""
    said, person, desk = form_of(request), visitor_of(request).person, desk_of(request)
    model, version = _version(request)
    decision = _decision(text_in(said, "decision")) if by_script(request) else "approve"
    reason, shown = prose(said.get("reason", "")), said.get("asked", "")

    def made() -> AnyStatement:
        try:
            statement = statement_to_sign(desk.departments, model, version, person=person, reason=reason, decision=decision)
        except Refused as error:
            # Whoever comes too late is told before they sign: that they tried is kept, a few times an hour at most.
            if desk.records_of_person.allows(person):
                late = statement_once_asked(desk.departments, model, version, person=person, reason=reason, decision=decision)
                record_barred(desk.departments, late, rules_of(error))
            raise
        if statement.requested_by_decision != shown:
            raise Refused(
                f"{model}:{version} was judged again since you were shown it.",
                "Reload the page, and read what is asked for now.",
                ("STATE",),
            )
        return statement

    asked = Asked(APPROVALS, roles_asked(desk.departments, model, version), made)
    return begin(
        request,
        asked,
        _page(model, version),
        *(f"lifecycle {verb} {model}:{version} {signed_as(person)}" for verb in ("approve", "reject")),
    )


def begin_waiver(request: Request) -> Response:
    """The same for a waiver: the first who signs says ticket and time."""
    said, person, desk = form_of(request), visitor_of(request).person, desk_of(request)
    model, version = _version(request)
    rule, reason, ticket = said.get("rule", ""), prose(said.get("reason", "")), said.get("ticket", "")
    # An emergency is told in hours.
    hours = _number(said["hours"], MOST_DAYS * 24) if "hours" in said else _number(said.get("days", "0"), MOST_DAYS) * 24

    def made() -> AnyStatement:
        return waiver_to_sign(desk.departments, model, version, rule=rule, person=person, reason=reason, ticket=ticket, hours=hours)

    command = f"lifecycle waive {model}:{version} --rule {rule or 'RULE'} {signed_as(person)}"
    return begin(request, Asked(WAIVERS, (WAIVER_ROLE,), made), _page(model, version), command)


def begin_review(request: Request) -> Response:
    """The same for a review of a broken glass or a rollback; `decision` says whether it had to be."""
    said, person, desk = form_of(request), visitor_of(request).person, desk_of(request)
    event, reason = request.path_params["event"], prose(said.get("reason", ""))
    verdict = _verdict(text_in(said, "decision")) if by_script(request) else "justified"

    def made() -> AnyStatement:
        return review_to_sign(desk.departments, event, person=person, verdict=verdict, reason=reason)

    roles = tuple(sorted({role for several in REVIEWING.values() for role in several}))
    return begin(request, Asked(REVIEWS, roles, made), "/", f"lifecycle review {event} {signed_as(person)}")


def _version(request: Request) -> tuple[str, int]:
    model, version = request.path_params["model"], request.path_params["version"]
    if not 1 <= version < INTEGER_BOUND:
        raise MalformedRecord(f"There is no version {version}.", "Send it from the page.")
    return model, version


def _page(model: str, version: int) -> str:
    return f"/versions/{model}/{version}"


def _number(text: str, most: float) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 <= found <= most:
        raise MalformedRecord(f"{text!r} is no length of time.", "Say in a number how long the waiver lasts, such as 14.")
    return found


def _verdict(text: str) -> Literal["justified", "not_justified"]:
    if text == "justified":
        return "justified"
    if text == "not_justified":
        return "not_justified"
    raise MalformedRecord(f"{text!r} says neither that it had to be nor that it had not.", "Send it from the page.")


def _decision(text: str) -> Literal["approve", "reject"]:
    if text == "approve":
        return "approve"
    if text == "reject":
        return "reject"
    raise MalformedRecord(f"{text!r} is neither to approve nor to refuse.", "Send it from the page.")


ROUTES = (
    Route("/versions/{model}/{version:int}/signing", begin_approval, methods=["POST"], name="begin_signing"),
    Route("/versions/{model}/{version:int}/waiver", begin_waiver, methods=["POST"], name="begin_waiver"),
    Route("/reviews/{event}/signing", begin_review, methods=["POST"], name="begin_review"),
)
