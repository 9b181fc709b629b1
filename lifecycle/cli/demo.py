"""`lifecycle demo`: a whole life of the credit model, told in at most sixty lines."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lifecycle.cli import render
from lifecycle.errors import LifecycleError

if TYPE_CHECKING:
    from lifecycle.demo.acting import Stage
    from lifecycle.wiring import Departments


@click.command()
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the same facts for machines to this file."
)
def demo(json_file: Path | None) -> None:
    """Live through a whole life of the credit model, and leave everything open for a look.

    Nothing is acted: real data, real training, real gates, a real gateway under traffic. Everything goes to
    LIFECYCLE_HOME; a home that exists is gone on with, never wiped.
    """
    from lifecycle.demo import scenes
    from lifecycle.demo.acting import MODEL
    from lifecycle.wiring import Departments

    departments = Departments.here()
    departments.model(MODEL)
    started = time.monotonic()
    stage = _prepare(departments)
    try:
        version = scenes.train_first(stage)
        scenes.approve_own_work(stage, version)
        scenes.roll_out(stage, version)
        scenes.deny_unfair(stage)
        scenes.break_in_canary(stage)
        scenes.prove(stage)
        scenes.point_onwards(stage, version)
    finally:
        if json_file is not None:
            _write_facts(stage, json_file)
    stage.story.say(f"[dim]{time.monotonic() - started:.0f} s in all, in {departments.settings.home}[/]")


def _prepare(departments: Departments) -> Stage:
    """The gateway started, the people enrolled, Dagster's own log in a file of the home."""
    from lifecycle.definitions import lifecycle_definitions
    from lifecycle.demo.acting import Stage
    from lifecycle.demo.people import enrol_cast
    from lifecycle.demo.story import Story
    from lifecycle.serving.supervision.process import ensure_gateway

    log = logging.FileHandler(departments.folder("logs") / "demo.log")
    logging.getLogger().addHandler(log)
    logging.captureWarnings(True)
    _ = departments.ledger, departments.ledger_key
    ensure_gateway(departments.gateway_settings, departments.settings.project)
    story = Story(render.console())
    story.console.print(f"[bold]The life of a model[/], lived in {departments.settings.home}", soft_wrap=True)
    return Stage(departments, story, enrol_cast(departments), lifecycle_definitions())


def _write_facts(stage: Stage, file: Path) -> None:
    head = stage.departments.ledger.head()
    facts = stage.story.facts(
        requests={
            "sent": sum(counted.sent for counted in stage.sent),
            "answered": sum(counted.answered for counted in stage.sent),
            "failed": sum(counted.failed for counted in stage.sent),
        },
        rollback_ms=stage.rollback_ms,
        ledger={"size": head.size, "root": head.root_text},
    )
    try:
        file.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise LifecycleError(f"The facts can't be written to {file}: {error.strerror}.", "Choose a file that you can write.") from error
