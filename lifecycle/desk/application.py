"""The desk as an ASGI application: every page behind a guard, and security around all of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from lifecycle.desk import approving, asking, concluding, granting, identity, pages, proposing, revoking
from lifecycle.desk.desk import Desk
from lifecycle.desk.failing import broken, failed, not_found
from lifecycle.desk.guard import AsyncEndpoint, Endpoint, guarded, opened
from lifecycle.desk.rendering import STATIC
from lifecycle.desk.security import SecurityMiddleware
from lifecycle.desk.settings import DeskSettings
from lifecycle.desk.signing import resume_signing
from lifecycle.errors import LifecycleError
from lifecycle.wiring import Departments

#: How often what was signed and could not be recorded is tried again.
RESUME_SECONDS = 15.0

#: What answers only those who are signed in.
GUARDED: tuple[Route, ...] = (
    *identity.ROUTES,
    *approving.ROUTES,
    *proposing.ROUTES,
    *revoking.ROUTES,
    *granting.ROUTES,
    *concluding.ROUTES,
    *asking.ROUTES,
    *pages.ROUTES,
)

_log = logging.getLogger(__name__)


def desk_application(departments: Departments, settings: DeskSettings) -> Starlette:
    """The desk over these departments. What was signed before it ended the last time is recorded when it starts."""

    desk = Desk(departments, settings)

    @asynccontextmanager
    async def running(_: Starlette) -> AsyncIterator[None]:
        await run_in_threadpool(_resume, desk)
        regularly = asyncio.create_task(_resume_regularly(desk))
        yield
        regularly.cancel()

    routes: list[BaseRoute] = [
        *_with(opened, identity.PUBLIC_ROUTES),
        *_with(guarded, GUARDED),
        Mount("/static", StaticFiles(directory=STATIC), name="static"),
    ]
    application = Starlette(
        routes=routes,
        middleware=[Middleware(SecurityMiddleware, settings=settings)],
        exception_handlers={LifecycleError: failed, HTTPException: not_found, Exception: broken},
        lifespan=running,
    )
    application.state.desk = desk
    return application


async def _resume_regularly(desk: Desk) -> None:
    while True:
        await asyncio.sleep(RESUME_SECONDS)
        await run_in_threadpool(_resume, desk)


def _resume(desk: Desk) -> None:
    try:
        resume_signing(desk)
    except LifecycleError as error:
        # The desk runs without its ledger, and says on every page what does not answer.
        _log.warning("what was signed before could not be looked at: %s", error.what)


def _with(guard: Callable[[Endpoint], AsyncEndpoint], routes: Iterable[Route]) -> list[Route]:
    """These routes, with a guard around each endpoint."""
    return [Route(route.path, guard(route.endpoint), name=route.name, methods=list(route.methods or ())) for route in routes]
