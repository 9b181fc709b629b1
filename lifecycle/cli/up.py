"""`lifecycle up`: the gateway, the signer, the approval desk and Dagster's pages on one home."""

from __future__ import annotations

import signal
import sys
import time
from types import FrameType
from typing import TYPE_CHECKING

import click

from lifecycle.cli import render
from lifecycle.errors import InvalidDeclaration, Unavailable

if TYPE_CHECKING:
    from lifecycle.processes import Family
    from lifecycle.wiring import Departments

#: Dagster's pages need about 12 s; on a machine that is busy, several times that.
START_SECONDS = 180.0
#: How long a gateway may take to answer what is in flight when it is stopped.
STOP_SECONDS = 20.0
#: How often the signer looks whether the ledger has grown.
SIGN_EVERY_SECONDS = 5


@click.command()
@click.option(
    "--port", default=3000, show_default=True, type=click.IntRange(1, 65535), help="The port of Dagster's pages, on loopback only."
)
def up(port: int) -> None:
    """Start the gateway, the ledger's signer, the approval desk and Dagster's pages on one home; Ctrl-C stops all of them.

    A gateway that runs on this home already is taken over, and stopped with the rest. The desk listens where
    LIFECYCLE_DESK_PORT says.

    Dagster's pages know nobody: they listen on this machine only. docs/how-to/sign-on.md shows a proxy with sign-on.
    """
    from lifecycle.processes import Family, require_free_port
    from lifecycle.wiring import Departments

    departments = Departments.here()
    _require_pages()
    require_free_port("127.0.0.1", port, "--port")
    require_free_port(departments.settings.desk.host, departments.settings.desk.port, "LIFECYCLE_DESK_PORT")
    for number in (signal.SIGINT, signal.SIGTERM):
        # Set, not assumed: a shell starts what it runs in the background with SIGINT ignored.
        signal.signal(number, _interrupt)
    family = Family(departments.folder("logs"))
    try:
        _start(departments, family, port)
        _await_pages(family, port)
        render.line(f"Desk      {departments.settings.desk.address}")
        render.line(f"Dagster   http://127.0.0.1:{port}")
        render.line(f"Gateway   {departments.gateway.status().url}")
        render.line(f"Home      {departments.settings.home}   (logs in {family.logs})")
        render.line("Ctrl-C stops them.")
        while family.dead() is None:
            time.sleep(0.5)
        family.require_alive()
    finally:
        family.stop()
        _stop_gateway(departments)


def _start(departments: Departments, family: Family, port: int) -> None:
    from lifecycle.launching import dagster_home

    settings = departments.settings
    environment = {
        "LIFECYCLE_HOME": str(settings.home),
        "LIFECYCLE_PROJECT": str(settings.project),
        "DAGSTER_HOME": str(dagster_home(departments)),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
    }
    _ = departments.ledger, departments.ledger_key
    try:
        running = departments.gateway.status()
        render.note(f"The gateway runs already (process {running.pid}); Ctrl-C stops it as well.")
    except Unavailable:
        family.start("gateway", [sys.executable, "-m", "lifecycle.cli.main", "gateway", "run"], environment, settings.project)
    key = departments.ledger_key_file
    # The URL may hold a password, and every list of processes shows an argument.
    signer = ["--database", "-", "--key", str(key), "--origin", settings.origin, "--every", str(SIGN_EVERY_SECONDS)]
    family.start(
        "signer", [sys.executable, "-m", "lifecycle.ledger.signer", *signer], environment, settings.project, told=settings.ledger_url
    )
    family.start("desk", [sys.executable, "-m", "lifecycle.cli.main", "desk", "run"], environment, settings.project)
    pages = ["-m", "dagster", "dev", "-w", str(settings.project / "workspace.yaml"), "-h", "127.0.0.1", "-p", str(port)]
    family.start("dagster", [sys.executable, *pages], environment, settings.project)


def _stop_gateway(departments: Departments) -> None:
    """Stops a gateway that was running before; one that was started here has ended with the family."""
    try:
        departments.gateway.stop()
    except Unavailable:
        return
    deadline = time.monotonic() + STOP_SECONDS
    while departments.gateway.holds_its_folder() and time.monotonic() < deadline:
        time.sleep(0.05)


def _await_pages(family: Family, port: int) -> None:
    from lifecycle.processes import answers

    deadline = time.monotonic() + START_SECONDS
    with render.console(error=True).status("Starting Dagster's pages (about 12 s)…"):
        while not answers(f"http://127.0.0.1:{port}/server_info"):
            family.require_alive()
            if time.monotonic() > deadline:
                raise Unavailable(f"Dagster's pages did not answer in {START_SECONDS:.0f} s.", f"Read {family.logs / 'dagster.log'}.")
            time.sleep(0.3)


def _require_pages() -> None:
    import importlib.util

    if importlib.util.find_spec("dagster_webserver") is None:
        raise InvalidDeclaration("Dagster's pages are not installed.", "Install the extra `ui`: pip install 'lifecycle[ui]'.")
    if importlib.util.find_spec("starlette") is None or importlib.util.find_spec("webauthn") is None:
        raise InvalidDeclaration("The approval desk is not installed.", "Install the extra `desk`: pip install 'lifecycle[desk]'.")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
