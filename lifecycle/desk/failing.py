"""What somebody is told when a page can't be made: what happened and what to do next, in the words of the error."""

from __future__ import annotations

import logging

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lifecycle.approvals.passkeys import ForgedAssertion
from lifecycle.desk.desk import desk_of
from lifecycle.desk.guard import SignInFirst, TooLarge
from lifecycle.desk.limiting import TooOften
from lifecycle.desk.rendering import page
from lifecycle.desk.security import security_headers
from lifecycle.errors import InvalidDeclaration, LifecycleError, MalformedRecord, Refused, Tampered, Unavailable, UnknownName

_log = logging.getLogger(__name__)
#: The first that fits.
_STATUS: tuple[tuple[type[LifecycleError], int], ...] = (
    (SignInFirst, 401),
    (TooOften, 429),
    (TooLarge, 413),
    (Refused, 403),
    (UnknownName, 404),
    (InvalidDeclaration, 400),
    (MalformedRecord, 400),
    (Tampered, 409),
    (Unavailable, 503),
)
_NO_SUCH_PAGE = {404: "There is no such page.", 405: "This page takes no such request."}


def failed(request: Request, error: Exception) -> Response:
    """An error of ours, as a page or as JSON."""
    assert isinstance(error, LifecycleError)  # it is registered for nothing else
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    if status >= 500:
        _log.error("%s %s: %s", request.method, request.url.path, error.what)
    rules = error.rules if isinstance(error, Refused | ForgedAssertion) else ()
    return _told(request, status, error.what, error.next_step, rules)


def not_found(request: Request, error: Exception) -> Response:
    """A path that leads nowhere."""
    assert isinstance(error, HTTPException)  # likewise
    return _told(request, error.status_code, _NO_SUCH_PAGE.get(error.status_code, error.detail), "Go back to the inbox.")


def broken(request: Request, error: Exception) -> Response:
    """A mistake of ours. Starlette logs where it was; whoever asked is not told."""
    answer = _told(request, 500, "Something went wrong at the desk.", "Try again; whoever runs the desk finds in its log what it was.")
    # Starlette makes this answer outside of every middleware.
    answer.headers.update(security_headers(desk_of(request).settings))
    return answer


def _told(request: Request, status: int, what: str, next_step: str, rules: tuple[str, ...] = ()) -> Response:
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"what": what, "next": next_step, "rules": list(rules)}, status)
    return page(request, "error.html", status=status, what=what, next_step=next_step, rules=rules)
