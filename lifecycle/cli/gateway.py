"""`lifecycle gateway`: the service that answers predictions, rolls versions out and takes bad ones back."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lifecycle.cli import render
from lifecycle.cli.options import STANDING_FILE
from lifecycle.cli.rollout import how_far, show_more
from lifecycle.errors import InvalidDeclaration, Unavailable

if TYPE_CHECKING:
    from lifecycle.records.events import Event
    from lifecycle.serving.ports import Ports
    from lifecycle.serving.rollouts.status import AccessStatus, GatewayStatus, ModelStatus, VersionStatus
    from lifecycle.serving.settings import GatewaySettings
    from lifecycle.wiring import Departments

_STOP_SECONDS = 30.0


@click.group()
def gateway() -> None:
    """Run, start, stop or look at the gateway: the service that answers predictions.

    It outlives every Dagster run, and needs neither the ledger nor the artifact store to start again.
    """


class LedgerSink:
    """Enters the gateway's events in the ledger, which is opened with the first of them: the gateway starts without it.

    Raises Tampered for an event that no gateway records: the sink is no way into the ledger for anything else.
    """

    def __init__(self, departments: Departments) -> None:
        self._departments = departments

    def append(self, event: Event, /) -> object:
        from lifecycle.serving.rollouts.rollout_events import require_own

        require_own(event)
        return self._departments.ledger.append(event)


def _options(command: click.Command) -> click.Command:
    """The settings that may be given on the command line, above those of the environment."""
    for option in (
        click.Option(["--workers"], type=click.IntRange(1, 256), help="Serving processes; one per core is a good start."),
        click.Option(["--port"], type=click.IntRange(0, 65535), help="The port to listen on; 0 takes a free one."),
        click.Option(["--host"], help="The address to listen on; loopback unless told otherwise."),
    ):
        command.params.insert(0, option)
    return command


def _settings(departments: Departments, host: str | None, port: int | None, workers: int | None) -> GatewaySettings:
    settings = departments.gateway_settings
    if host == "":
        raise InvalidDeclaration("The gateway can't listen on an empty address.", "Give --host an address, such as 127.0.0.1.")
    return replace(
        settings,
        host=settings.host if host is None else host,
        port=settings.port if port is None else port,
        workers=settings.workers if workers is None else workers,
    )


@_options
@gateway.command()
@click.option(
    "--only",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Serve the version in this package (its files, model.sig, order.json) and nothing else, as a version's pod does.",
)
@click.option("--nobody", metavar="MODEL", help="Know MODEL and no version of it: refuse every request, as where none may answer.")
@click.option("--refer", is_flag=True, help="With --nobody: refer every request to a person in place of a refusal.")
@click.option(
    "--target",
    type=STANDING_FILE,
    help="Serve on the cluster that this file declares: run its controller here, which takes the same orders and answers no predictions.",
)
def run(
    host: str | None, port: int | None, workers: int | None, only: Path | None, nobody: str | None, refer: bool, target: Path | None
) -> None:
    """Run the gateway here, until Ctrl-C or SIGTERM. This is what a service manager starts.

    With --target it is the controller of a cluster: `lifecycle deploy`, `rollback`, `rollout` and `gateway status` talk to it as to
    any gateway, and versions serve in pods of their own (docs/how-to/roll-out-on-kubernetes.md).
    """
    import logging

    from lifecycle.life.access.deciding import AccessDecider
    from lifecycle.serving.supervision.supervisor import run_gateway
    from lifecycle.wiring import Departments

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if sum(given is not None for given in (only, nobody, target)) > 1 or (refer and nobody is None):
        raise InvalidDeclaration(
            "A gateway serves one version, or none, or drives those of a cluster.",
            "Give one of --only, --nobody and --target; --refer goes with --nobody.",
        )
    departments = Departments.here()
    settings, ports = _settings(departments, host, port, workers), _ports(departments)
    if target is not None:
        _run_controller(departments, settings, target, ports)
        return
    if only is not None:
        from lifecycle.serving.targets.pod import bring_in

        bring_in(settings, departments.verify_package, only)
    if nobody is not None:
        from lifecycle.serving.targets.pod import bring_in_nobody

        bring_in_nobody(settings, nobody, refers=refer)
    run_gateway(settings, replace(ports, access=AccessDecider(departments)))


def _ports(departments: Departments) -> Ports:
    """The ledger, the people and the trusted key of this home, for whoever runs on it. Who may ask is not among them."""
    from lifecycle.life.people.rollout_words import PeoplesWord
    from lifecycle.life.withdrawn import LedgerWithdrawals
    from lifecycle.serving.ports import Ports

    found = departments.settings
    withdrawals = LedgerWithdrawals(found.ledger_url, origin=found.origin, environment=found.environment)
    return Ports(LedgerSink(departments), departments.verify_package, withdrawals, PeoplesWord(departments))


def _run_controller(departments: Departments, settings: GatewaySettings, target: Path, ports: Ports) -> None:
    from lifecycle.serving.targets.cluster_controller import run_cluster_controller
    from lifecycle.serving.targets.declaration import declared_target

    declared = declared_target(target)
    run_cluster_controller(settings, declared.cluster(departments.settings.home, settings.folder), ports)


@_options
@gateway.command()
def start(host: str | None, port: int | None, workers: int | None) -> None:
    """Start the gateway in the background; return once it answers."""
    from lifecycle.serving.supervision.process import ensure_gateway
    from lifecycle.wiring import Departments

    departments = Departments.here()
    found = ensure_gateway(_settings(departments, host, port, workers), departments.settings.project)
    render.line(f"The gateway answers on {found.url} (process {found.pid}).")


@gateway.command()
def stop() -> None:
    """Stop the gateway once it has answered what is in flight."""
    from lifecycle.wiring import Departments

    client = Departments.here(make=False).gateway
    if not client.holds_its_folder():
        raise Unavailable("No gateway runs on this home.", "There is nothing to stop.")
    client.stop()
    deadline = time.monotonic() + _STOP_SECONDS
    while client.holds_its_folder():
        if time.monotonic() > deadline:
            raise Unavailable(f"The gateway has not ended after {_STOP_SECONDS:.0f} s.", "Look at its log, then kill its process.")
        time.sleep(0.05)
    render.line("The gateway has stopped.")


@gateway.command()
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for programs.")
def status(as_json: bool) -> None:
    """Show which version takes which share of the traffic, and what each has answered.

    Where the gateway does not run, this shows what it would go on with, and what the versions answered before.
    """
    from lifecycle.life.overview import gateway_status
    from lifecycle.wiring import Departments

    found = gateway_status(Departments.here(make=False))
    if as_json:
        render.as_json(found.as_json())
    else:
        show(found)


def show(found: GatewayStatus) -> None:
    """Prints a status for people, what is wrong first."""
    if found.running and found.url is None:
        render.line(f"The controller of a cluster takes orders (process {found.pid}).")
    elif found.running:
        render.line(f"The gateway answers on {found.url} (process {found.pid}, {found.workers} worker{'s' if found.workers > 1 else ''}).")
    else:
        render.line("The gateway is not running. `lifecycle gateway start` starts it; below is what it would go on with.")
    for fault in found.faults:
        render.line(f"FAULT: {fault}")
    if found.access is not None:
        render.line(_who_may_ask(found.access))
    if found.refused_events and not found.running:
        render.line(f"FAULT: the ledger refused {found.refused_events} events of this gateway; they lie in its folder.")
    render.table(
        ("version", "arm", "weight", "requests", "errors", "of them", "slow", "fallbacks"),
        [
            (
                *(f"{model.model}:{arm.version}", arm.arm, f"{arm.weight:.0%}", arm.requests, arm.errors, _kinds(arm)),
                *(arm.slow, arm.fallbacks),
            )
            for model in found.models
            for arm in model.versions
        ],
        empty="It serves no version of anything. `lifecycle deploy` rolls one out.",
    )
    for model in found.models:
        _print_more(model)
    for gone in found.withdrawn:
        under = "" if gone.decision_id is None else f" under decision {gone.decision_id}"
        render.line(f"{gone.model}:{gone.version} may not serve any more{under}: {gone.why}")
    if found.waiting_events:
        render.line(f"{found.waiting_events} events wait in its journal for the ledger to answer.")


def _who_may_ask(access: AccessStatus) -> str:
    if access.open:
        said = "It answers everybody who reaches it; `lifecycle access grant` has it ask for a key from then on."
    else:
        said = f"It answers {access.callers} caller{'' if access.callers == 1 else 's'} that access was granted (`lifecycle access list`)."
    return f"{said} FAULT: {access.fault}" if access.fault else said


def _kinds(arm: VersionStatus) -> str | None:
    """What kinds of errors there were; None without any."""
    counted = (("exceptions", arm.errors - arm.timeouts - arm.invalid), ("time-outs", arm.timeouts), ("invalid answers", arm.invalid))
    return ", ".join(f"{count} {kind}" for kind, count in counted if count > 0) or None


def _print_more(model: ModelStatus) -> None:
    if model.fault:
        render.line(f"FAULT of {model.model}: {model.fault}")
    if model.referred:
        render.line(f"{model.model}: {model.referred} requests that no version might answer were referred to a person, or refused.")
    if model.copies_dropped:
        render.line(f"{model.model}: {model.copies_dropped} copies of requests were dropped, because a shadow was too slow for them.")
    if model.rows_dropped:
        render.line(f"{model.model}: {model.rows_dropped} rows are not in the prediction log (it is declared as best effort).")
    rollout = model.rollout
    if rollout is not None:
        render.line(f"Rollout of {rollout.model}:{rollout.version}: {how_far(rollout)}.")
        show_more(rollout)
