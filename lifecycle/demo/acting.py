"""Acting in the story: the same jobs, gates and signatures that people use, and what a scene may expect of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lifecycle.declaration import GovernedModel
from lifecycle.demo.people import Cast
from lifecycle.demo.story import Story
from lifecycle.demo.traffic import Application, Counted
from lifecycle.errors import LifecycleError, Unavailable
from lifecycle.life.evaluation import evidence_of
from lifecycle.life.gates import standing
from lifecycle.life.keeping.dataset_rows import dataset_rows
from lifecycle.life.people.approval import approve_version
from lifecycle.records.bodies.decisions import DecisionMade
from lifecycle.records.bodies.serving import RolledBack
from lifecycle.records.gates import Decision
from lifecycle.records.record import JsonObject
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    import dagster as dg

MODEL = "credit"


class StoryBroken(LifecycleError):
    """A scene that did not end as the story needs. What happened instead is in the message."""


@dataclass
class Stage:
    """What the scenes share."""

    departments: Departments
    story: Story
    cast: Cast
    definitions: dg.Definitions
    applications: list[Application] = field(default_factory=list)
    sent: list[Counted] = field(default_factory=list)
    rollback_ms: float | None = None
    prediction: str = ""

    @property
    def model(self) -> GovernedModel:
        return self.departments.model(MODEL)


def gateway_url(stage: Stage) -> str:
    url = stage.departments.gateway.status().url
    if url is None:
        raise Unavailable("The gateway does not run.", "Start it: `lifecycle gateway start`.")
    return url


def train(stage: Stage, options: Mapping[str, Any]) -> tuple[int, Decision]:
    """One candidate through the job that the web pages launch; the gate's decision on it."""
    from lifecycle.launching import run_job

    config = {"candidate": {"options": dict(options)}} if options else {}
    result = run_job(stage.departments, stage.definitions, f"{MODEL}_train_to_gate", config=config, log_level="CRITICAL")
    made = stage.departments.ledger.events(types=("DecisionMade",), name=MODEL, run_id=result.run_id, newest_first=True, limit=1)
    if not made or made[0].event.subject.version is None:
        raise StoryBroken(
            f"The run {result.run_id} did not come to the promotion gate: {why(result)}", "Read it in Dagster's pages: `make ui`."
        )
    return made[0].event.subject.version, standing.body_of(made[0], DecisionMade).decision


def deploy(stage: Stage, version: int) -> dg.ExecuteInProcessResult:
    from lifecycle.launching import run_job

    digest = standing.trained(stage.departments, MODEL, version).event.subject.digest
    config: dict[str, JsonObject] = {"deployment": {"digest": digest, "version": version}}
    return run_job(stage.departments, stage.definitions, f"{MODEL}_deploy", config=config, log_level="CRITICAL")


def approve(stage: Stage, version: int, person: str, reason: str) -> None:
    approve_version(stage.departments, MODEL, version, person=person, key_file=stage.cast.key(person), reason=reason, decision="approve")


def held_out(departments: Departments, version: int) -> list[Application]:
    """The test rows as callers would send them: features only, None where a value is missing."""
    evidence = evidence_of(departments, MODEL, version)
    frame = dataset_rows(departments, evidence.dataset_digest)
    rows = frame[frame["split"] == "test"][list(departments.model(MODEL).data.features)]
    return [
        {str(column): (None if value != value else value) for column, value in row.items()}
        for row in rows.astype(object).to_dict("records")
    ]


def rolled_back(stage: Stage, version: int) -> RolledBack:
    found = stage.departments.ledger.events(types=("RolledBack",), name=MODEL, newest_first=True)
    bodies = [standing.body_of(recorded, RolledBack) for recorded in found]
    back = next((body for body in bodies if body.from_version == version), None)
    if back is None:
        raise StoryBroken(f"The ledger holds no RolledBack of {MODEL}:{version}.", "Read gateway.log in the home's logs.")
    return back


def why(result: dg.ExecuteInProcessResult) -> str:
    from lifecycle.launching import failure_of

    return failure_of(result)[0]


def expect(holds: bool, otherwise: str, decision: Decision | None = None) -> None:
    if not holds:
        rules = (
            f" ({', '.join(v.rule + ' ' + v.message for v in decision.result.violations)})"
            if decision and decision.result.violations
            else ""
        )
        raise StoryBroken(f"The story broke: {otherwise}{rules}.", "`lifecycle status` and Dagster's pages show what happened.")
