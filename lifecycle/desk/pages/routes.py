"""What the pages answer. Each endpoint asks for one view and has it rendered; the one that changes something asks life/ to."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from lifecycle.desk.desk import desk_of
from lifecycle.desk.guard import form_of, text_in, visitor_of
from lifecycle.desk.pages.access import access_view
from lifecycle.desk.pages.compared import compared_view
from lifecycle.desk.pages.governance import governance_view
from lifecycle.desk.pages.inbox import inbox
from lifecycle.desk.pages.ledger import ledger_view
from lifecycle.desk.pages.people import people_view
from lifecycle.desk.pages.recalled import recall_file
from lifecycle.desk.pages.serving import serving_view
from lifecycle.desk.pages.version import report_page, version_view
from lifecycle.desk.rendering import page
from lifecycle.desk.security import report_response
from lifecycle.errors import MalformedRecord, UnknownName
from lifecycle.life import rollback
from lifecycle.life.recording import Step
from lifecycle.records.identity import derived_id
from lifecycle.records.record import INTEGER_BOUND

#: The digits of the largest number that a record may hold.
_MOST_DIGITS = len(str(INTEGER_BOUND))


def show_inbox(request: Request) -> Response:
    visitor = visitor_of(request)
    return page(request, "inbox.html", inbox=inbox(desk_of(request).departments, visitor.roles, visitor.person))


def show_version(request: Request) -> Response:
    return page(request, "version.html", view=version_view(desk_of(request).departments, *_version(request)))


def show_report(request: Request) -> Response:
    return report_response(report_page(desk_of(request).departments, *_version(request)))


def send_recall(request: Request) -> Response:
    """The decisions that would be others now, for whoever has to follow them up."""
    model, version = _version(request)
    kept = {"Content-Disposition": f'attachment; filename="{model}-{version}-recall.csv"'}
    return Response(recall_file(desk_of(request).departments, model, version), media_type="text/csv", headers=kept)


def show_ledger(request: Request) -> Response:
    return page(request, "ledger.html", view=ledger_view(desk_of(request).departments, _counted(request, "before")))


def show_serving(request: Request) -> Response:
    done = request.query_params.get("done")
    return page(request, "serving.html", view=serving_view(desk_of(request).departments, done), asked_for=done is not None)


def show_comparison(request: Request) -> Response:
    """A rollout's versions side by side: the newest rollout, unless `version` names one, and its newest step, unless `step` does."""
    chosen = {name: _counted(request, name) for name in ("version", "step")}
    return page(request, "compared.html", view=compared_view(desk_of(request).departments, request.path_params["model"], **chosen))


def show_governance(request: Request) -> Response:
    return page(request, "governance.html", view=governance_view(desk_of(request).departments, visitor_of(request).person))


def show_people(request: Request) -> Response:
    visitor = visitor_of(request)
    return page(request, "people.html", view=people_view(desk_of(request).departments, visitor.person, visitor.roles))


def show_access(request: Request) -> Response:
    visitor = visitor_of(request)
    return page(request, "access.html", view=access_view(desk_of(request).departments, visitor.person, visitor.roles))


def roll_back(request: Request) -> Response:
    """Takes a model back. Sent again (a second press, a page loaded anew), the same form asks for the same rollback."""
    said, visitor, departments = form_of(request), visitor_of(request), desk_of(request).departments
    model = departments.model(request.path_params["model"])
    step = Step(run_id=derived_id("desk", visitor.person, text_in(said, "step")), requester=visitor.requester)
    done = rollback.roll_back(departments, model, step, reason=text_in(said, "reason").replace("\r\n", "\n"))
    return RedirectResponse(f"/serving?{urlencode({'done': done.rollback_id})}", 303)


def _counted(request: Request, name: str) -> int | None:
    """A number from the address; None where it has none. Raises MalformedRecord for anything else."""
    said = request.query_params.get(name)
    if said is not None and not (said.isascii() and said.isdigit() and len(said) < _MOST_DIGITS):
        raise MalformedRecord(f"`{name}` is a number.", "Go back, and follow the links of the page.")
    return None if said is None else int(said)


def _version(request: Request) -> tuple[str, int]:
    model, version = request.path_params["model"], request.path_params["version"]
    if not 1 <= version < INTEGER_BOUND:
        raise UnknownName(f"There is no {model}:{version} in the ledger.", "`lifecycle status` lists the versions.")
    return model, version


ROUTES: tuple[Route, ...] = (
    Route("/", show_inbox, name="inbox"),
    Route("/versions/{model}/{version:int}", show_version, name="version"),
    Route("/versions/{model}/{version:int}/report", show_report, name="report"),
    Route("/versions/{model}/{version:int}/recall.csv", send_recall, name="recall"),
    Route("/ledger", show_ledger, name="ledger"),
    Route("/serving", show_serving, name="serving"),
    Route("/models/{model}/comparison", show_comparison, name="comparison"),
    Route("/access", show_access, name="access"),
    Route("/people", show_people, name="people"),
    Route("/governance", show_governance, name="governance"),
    Route("/models/{model}/rollback", roll_back, methods=["POST"], name="roll_back"),
)
