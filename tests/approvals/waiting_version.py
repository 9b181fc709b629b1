"""A home in which one version waits for approval: a real ledger, real policies, real people; only the evidence is made up."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from lifecycle.life.gates import judging
from lifecycle.life.gates.asking import ask
from lifecycle.life.people.enrolment import enrol
from lifecycle.life.recording import Step
from lifecycle.policy.bundle import Bundle
from lifecycle.records.bodies.decisions import ApprovalRequested
from lifecycle.records.bodies.training import Metering, ModelEvaluated, ModelTrained
from lifecycle.records.events import Actor, Event, Subject
from lifecycle.records.gates import GateInput, Maker, VerifiedApproval
from lifecycle.records.identity import now_us
from lifecycle.settings import Settings
from lifecycle.wiring import Departments
from tests.policy.questions import good
from tests.records.declarations import declared

MODEL, VERSION, TEAM = "canary", 1, "modelling"
HOUR_US = 3_600_000_000
PIPELINE = Actor(id="pipeline", kind="service")
METERING = Metering(
    device="cpu", precision="float32", seconds=1.0, peak_memory_bytes=1, epochs=1, resumed_from_epoch=0, cost=0.0, currency="EUR"
)


def departments_of(repository: Path, folder: Path) -> Departments:
    """The departments of a project with this repository's governance, in a home of its own."""
    project, home = folder / "project", folder / "home"
    shutil.copytree(repository / "governance", project / "governance")
    home.mkdir()
    settings = Settings.from_environment({"LIFECYCLE_PROJECT": str(project), "LIFECYCLE_HOME": str(home)})
    departments = Departments(settings)
    vars(departments)["models"] = (SimpleNamespace(name=MODEL),)
    return departments


def shown(monkeypatch: Any, *makers: str) -> None:
    """Has the promotion gate shown good evidence on a version that these people made, instead of assembling it."""

    def promotion_input(
        departments: Departments, model: Any, version: int, step: Step, approvals: tuple[VerifiedApproval, ...]
    ) -> GateInput:
        bundle: Bundle = departments.gate_keeper.bundle
        parts = tuple(Maker(id=maker, part="trainer", basis="fact") for maker in makers)
        members = tuple(Maker(id=member, part="team", basis="fact") for member in departments.people.members(TEAM))
        asked = good(bundle, "promotion", risk_tier="high", makers=(*parts, *members))
        return asked.model_copy(update={"now_us": now_us(), "approvals": approvals})

    monkeypatch.setattr(judging, "promotion_input", promotion_input)


def enrolled(departments: Departments, folder: Path, person: str, *, roles: tuple[str, ...] = (), teams: tuple[str, ...] = ()) -> Path:
    """Enrols a person with a fresh key; returns the private half."""
    from lifecycle.approvals.keys import create_key

    create_key(folder / f"{person}.key")
    enrol(departments, person, roles=roles, teams=teams, public_key=folder / f"{person}.pub")
    return folder / f"{person}.key"


def wait_for_approval(departments: Departments, *, valid_us: int = HOUR_US) -> Subject:
    """Trains, evaluates and asks for promotion, as far as the ledger is concerned."""
    asked = judging.promotion_input(departments, departments.model(MODEL), VERSION, Step(run_id="run"), ())
    evidence: Any = asked.evidence
    evaluation = evidence.evaluation
    subject = Subject(kind="model", name=MODEL, version=VERSION, digest=asked.subject.digest)
    bodies = (
        ModelTrained(
            dataset_digest=evaluation.dataset_digest,
            model_digest=evaluation.model_digest,
            signature_digest=evaluation.model_digest,
            signature_key="k",
            declared=declared(),
            training_id="t",
            code_commit="c",
            code_author="",
            code_author_basis="claim",
            metering=METERING,
            validation={},
            baseline_name="b",
            baseline_digest=evaluation.model_digest,
        ),
        ModelEvaluated(
            model_digest=evaluation.model_digest,
            dataset_digest=evaluation.dataset_digest,
            evidence_digest=evidence.evaluation_digest,
            report_json_digest=evaluation.report_json_digest,
            report_html_digest=evaluation.report_html_digest,
            headline={},
            champion_version=None,
        ),
    )
    for body in bodies:
        departments.ledger.append(Event.happened(body, subject=subject, actor=PIPELINE, environment="local"))
    decision = ask(departments, asked, Step(run_id="run"))
    assert decision.result.outcome == "needs_approval"
    requested = ApprovalRequested(
        decision_id=decision.id,
        required=decision.result.required_approvals,
        model_digest=evaluation.model_digest,
        dataset_digest=evaluation.dataset_digest,
        report_digest=evidence.report_digest,
        evidence_digest=evidence.evaluation_digest,
        bundle_digest=decision.policy.bundle_digest,
        expires_at_us=now_us() + valid_us,
    )
    departments.ledger.append(Event.happened(requested, subject=subject, actor=PIPELINE, environment="local"))
    return subject
