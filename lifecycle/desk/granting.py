"""The request to grant an application access. Its key is made here, told to the script that asked, and kept nowhere."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lifecycle.desk.asking import Asked, begin, prose, signed_as
from lifecycle.desk.desk import desk_of
from lifecycle.desk.guard import form_of, visitor_of
from lifecycle.desk.matters.known import GRANTS
from lifecycle.errors import InvalidDeclaration, MalformedRecord
from lifecycle.life.access.signed_access import ROLES, access_to_sign, owns_all
from lifecycle.life.gates.governed import require_governed
from lifecycle.records.access import LabelRight
from lifecycle.records.approval import AnyStatement

MOST_DAYS = 3_650
#: How the form names the box of a model: one field each.
MODEL_FIELD = "model."
#: Of whose predictions the application may send labels, as the form says it.
_RIGHTS: Mapping[str, LabelRight | None] = {"": None, "own": "own", "any": "any"}


def begin_grant(request: Request) -> Response:
    """What is to be signed to grant access, and beside it the key: it opens nothing before the ledger has its digest."""
    from lifecycle.serving.access.credentials import certificate_digest, key_digest, make_key

    said, person, departments = form_of(request), visitor_of(request).person, desk_of(request).departments
    models, days = _models(said), _days(said.get("days", ""))
    application, tier, certificate = said.get("application", ""), said.get("tier", ""), said.get("certificate", "").strip()
    labels = _labels(said.get("labels", ""))
    key = "" if certificate else make_key()

    def made() -> AnyStatement:
        require_governed(departments)
        return access_to_sign(
            departments,
            application,
            person=person,
            models=models,
            tier=tier,
            days=days,
            labels=labels,
            credential_digest=certificate_digest(certificate) if certificate else key_digest(key),
            certificate_name=certificate,
            reason=prose(said.get("reason", "")),
        )

    named = " ".join(f"--model {model}" for model in models)
    right = "" if labels is None else f"--labels {labels} "
    command = f"lifecycle access grant {application} {named} --tier {tier} --days {days} {right}{signed_as(person)}"
    asked = Asked(GRANTS, () if owns_all(departments, person, models) else ROLES, made)
    return begin(request, asked, "/access", command, beside={"key": key} if key else {})


def _models(said: Mapping[str, str]) -> tuple[str, ...]:
    found = tuple(name.removeprefix(MODEL_FIELD) for name in said if name.startswith(MODEL_FIELD))
    if not found:
        raise InvalidDeclaration("No model was chosen.", "Tick those that the application may ask.")
    return found


def _labels(text: str) -> LabelRight | None:
    if text not in _RIGHTS:
        raise MalformedRecord(f"{text!r} is no right to send labels.", "Say `own`, `any`, or nothing for none.")
    return _RIGHTS[text]


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 4 and 1 <= int(text) <= MOST_DAYS):
        raise MalformedRecord(f"{text!r} is no number of days.", f"Say for how many days, from 1 to {MOST_DAYS}.")
    return int(text)


ROUTES = (Route("/access/grants", begin_grant, methods=["POST"], name="begin_grant"),)
