"""Running the desk: one process, until it is told to stop."""

from __future__ import annotations

from lifecycle.desk.application import desk_application
from lifecycle.desk.settings import DeskSettings
from lifecycle.wiring import Departments

#: How long requests in flight are waited for when the desk is stopped.
STOP_SECONDS = 10


def run_desk(departments: Departments, settings: DeskSettings) -> None:
    """Answers until SIGINT or SIGTERM."""
    import uvicorn

    uvicorn.run(
        desk_application(departments, settings),
        host=settings.host,
        port=settings.port,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.certificate_key,
        # Who comes from where is read by the desk itself, from what its own proxy wrote (`guard.address_of`).
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=STOP_SECONDS,
        h11_max_incomplete_event_size=16_384,
    )
