"""`lifecycle desk`: the pages at which people approve."""

from __future__ import annotations

import click

from lifecycle.cli import render


@click.group()
def desk() -> None:
    """Run the approval desk: the pages at which people read the evidence, and sign or refuse with a passkey."""


@desk.command(short_help="Run the desk until it is told to stop.")
@click.option("--host", help="The address to listen on. Default: LIFECYCLE_DESK_HOST, else this machine only.")
@click.option("--port", type=click.IntRange(1, 65535), help="The port. Default: LIFECYCLE_DESK_PORT, else 3001.")
def run(host: str | None, port: int | None) -> None:
    """Run the desk in the foreground, until Ctrl-C or SIGTERM; `lifecycle up` starts it beside Dagster.

    People sign in with a passkey: `lifecycle people invite ID` makes the link with which somebody registers one. Others than this
    machine can reach it only over TLS (LIFECYCLE_DESK_CERTIFICATE) or behind a proxy that speaks it.
    """
    from lifecycle.desk.serving import run_desk
    from lifecycle.desk.settings import DeskSettings
    from lifecycle.processes import require_free_port
    from lifecycle.wiring import Departments

    departments = Departments.here()
    settings = DeskSettings.of(departments, host=host, port=port)
    require_free_port(settings.host, settings.port, "--port")
    render.line(f"The approval desk listens at {settings.origin}")
    run_desk(departments, settings)
