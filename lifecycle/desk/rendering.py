"""Pages from templates: everything that is put in is escaped, and what a template names must be there."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from lifecycle.desk.desk import desk_of
from lifecycle.desk.guard import CSRF_FIELD, Visitor

if TYPE_CHECKING:
    from jinja2 import Environment

STATIC = Path(__file__).parent / "static"
TEMPLATES = Path(__file__).parent / "templates"


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A page for whoever asks. Every template also sees `visitor`, `environment`, `request`, `csrf_field` and `static`."""
    visitor: Visitor | None = getattr(request.state, "visitor", None)
    shown = {
        "request": request,
        "visitor": visitor,
        "environment": desk_of(request).departments.environment,
        "csrf_field": _csrf_field(visitor),
        "static": _static,
    }
    return HTMLResponse(_environment().get_template(template).render(shown | context), status)


def _csrf_field(visitor: Visitor | None) -> Markup:
    if visitor is None:
        return Markup("")
    return Markup('<input type="hidden" name="{}" value="{}">').format(CSRF_FIELD, visitor.csrf)


@cache
def _static(name: str) -> str:
    """The address of a file of the desk's: another one once the file is another, so that it may be kept."""
    return f"/static/{name}?{hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from lifecycle.desk.pages.filters import FILTERS

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, loader=FileSystemLoader(TEMPLATES)
    )
    environment.filters |= FILTERS
    return environment
