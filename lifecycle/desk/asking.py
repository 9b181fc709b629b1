"""What a form asks to sign: what the script is told to ask of the passkey, and what becomes of the passkey's answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lifecycle.desk.desk import desk_of
from lifecycle.desk.guard import json_of, require_not_withheld, visitor_of
from lifecycle.desk.matters.matter import Matter
from lifecycle.desk.rendering import page
from lifecycle.desk.signing import begin_signing, finish_signing
from lifecycle.records.approval import AnyStatement
from lifecycle.records.record import ActorId, Name


@dataclass(frozen=True)
class Asked:
    """What a form asks to sign: its matter, the roles by which a signature under it counts, and how the statement is made."""

    matter: Matter[Any]
    roles: tuple[Name, ...]
    statement: Callable[[], AnyStatement]


def begin(request: Request, asked: Asked, back: str, *commands: str, beside: Mapping[str, str] | None = None) -> Response:
    """What the script is to ask of the passkey; a page that says how to sign without one, for whoever runs none.

    `beside`: what the script is told besides.
    """
    if not by_script(request):
        return page(request, "without_script.html", status=400, commands=commands, back=back)
    visitor, desk = visitor_of(request), desk_of(request)
    require_not_withheld(visitor, asked.roles)
    desk.signings_of_person.require(visitor.person)
    return JSONResponse({**(beside or {}), **begin_signing(desk, asked.matter, asked.statement())})


def finish(request: Request) -> Response:
    """Takes in what the passkey answered."""
    said, person = json_of(request), visitor_of(request).person
    outcome = finish_signing(desk_of(request), person, request.path_params["ceremony"], said.get("credential"))
    return JSONResponse({"message": outcome.says, "location": outcome.page})


def by_script(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")


def prose(text: str) -> str:
    """What somebody wrote, with line ends as records have them."""
    return text.replace("\r\n", "\n")


def signed_as(person: ActorId) -> str:
    """How the command line is told who signs."""
    return f"--as {person} --key FILE --reason TEXT"


ROUTES = (Route("/signing/{ceremony}", finish, methods=["POST"], name="finish_signing"),)
