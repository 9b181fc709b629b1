"""The request to promote a version whose plan leaves that to a person, or to end its rollout."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lifecycle.desk.asking import Asked, begin, prose, signed_as
from lifecycle.desk.desk import desk_of
from lifecycle.desk.guard import form_of, text_in, visitor_of
from lifecycle.desk.matters.known import ROLLOUTS
from lifecycle.errors import MalformedRecord
from lifecycle.life.concluding import rollout_to_sign, rollout_under_way
from lifecycle.life.gates import judging, standing
from lifecycle.life.people.rollout_words import ROLES
from lifecycle.records.approval import AnyStatement, RolloutPart


def begin_conclusion(request: Request) -> Response:
    """What is to be signed about the rollout of a model that is under way, in the words of the form."""
    said, person, departments = form_of(request), visitor_of(request).person, desk_of(request).departments
    model, part, reason = departments.model(request.path_params["model"]), _part(text_in(said, "part")), prose(said.get("reason", ""))

    def made() -> AnyStatement:
        return rollout_to_sign(departments, model, part, person=person, reason=reason)

    rolling = rollout_under_way(departments, model)
    owner = judging.declared_of(standing.trained(departments, rolling.model, rolling.version)).owner
    # The owner's end needs no role.
    roles = () if part == "end" and owner == person else ROLES
    return begin(request, Asked(ROLLOUTS, roles, made), "/serving", f"lifecycle rollout {part} {model.name} {signed_as(person)}")


def _part(text: str) -> RolloutPart:
    if text == "promote":
        return "promote"
    if text == "end":
        return "end"
    raise MalformedRecord(f"{text!r} is nothing that a rollout can be told.", "Send the form from the page.")


ROUTES = (Route("/models/{model}/rollout", begin_conclusion, methods=["POST"], name="begin_conclusion"),)
