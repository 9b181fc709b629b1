"""The two requests of an approval or a refusal: what is to be signed, and what the passkey answered."""

from __future__ import annotations

from typing import Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lifecycle.desk.desk import desk_of
from lifecycle.desk.guard import form_of, json_of, require_not_withheld, text_in, visitor_of
from lifecycle.desk.rendering import page
from lifecycle.desk.signing import begin_signing, finish_signing
from lifecycle.errors import MalformedRecord
from lifecycle.life.people.approval import roles_asked


def begin(request: Request) -> Response:
    """What is to be signed, for the script; a page that says how to sign without one, for whoever runs none."""
    said, visitor = form_of(request), visitor_of(request)
    person = visitor.person
    model, version = request.path_params["model"], request.path_params["version"]
    if "application/json" not in request.headers.get("accept", ""):
        return page(request, "without_script.html", status=400, model=model, version=version, person=person)
    decision, reason = _decision(text_in(said, "decision")), text_in(said, "reason").replace("\r\n", "\n")
    asked = text_in(said, "asked")
    require_not_withheld(visitor, roles_asked(desk_of(request).departments, model, version))
    return JSONResponse(begin_signing(desk_of(request), person, model, version, asked=asked, decision=decision, reason=reason))


def finish(request: Request) -> Response:
    said, person = json_of(request), visitor_of(request).person
    signed = finish_signing(desk_of(request), person, request.path_params["ceremony"], said.get("credential"))
    location = request.app.url_path_for("version", model=signed.statement.model, version=signed.statement.version)
    return JSONResponse({"message": signed.says, "location": str(location)})


def _decision(text: str) -> Literal["approve", "reject"]:
    if text == "approve":
        return "approve"
    if text == "reject":
        return "reject"
    raise MalformedRecord(f"{text!r} is neither to approve nor to refuse.", "Send it from the page.")


ROUTES = (
    Route("/versions/{model}/{version:int}/signing", begin, methods=["POST"], name="begin_signing"),
    Route("/signing/{ceremony}", finish, methods=["POST"], name="finish_signing"),
)
