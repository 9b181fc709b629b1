"""Homes in which a version has been deployed, without a gateway: what it would have recorded is in the ledger."""

from __future__ import annotations

from typing import Any

from lifecycle.demo.people import Cast
from lifecycle.life.deployment import request_rollout
from lifecycle.life.evaluation import evaluate_candidate
from lifecycle.life.gates import standing
from lifecycle.life.gates.asking import ask
from lifecycle.life.gates.judging import deployment_input
from lifecycle.life.ingestion import ingest_dataset
from lifecycle.life.people.approval import approve_version
from lifecycle.life.promotion import ask_for_promotion
from lifecycle.life.recording import Step
from lifecycle.life.training import train_candidate
from lifecycle.records.bodies.recalls import DecisionsRecalled
from lifecycle.records.bodies.serving import RolledBack, RolloutCompleted, Trigger
from lifecycle.records.events import Actor, Event
from lifecycle.records.identity import new_id, now_us
from lifecycle.records.prediction import PredictedOutput
from lifecycle.records.recall import DifferingDecision, RecallList
from lifecycle.serving.rollouts.status import GatewayStatus, ModelStatus, VersionStatus
from lifecycle.wiring import Departments

GATEWAY = Actor(id="gateway", kind="service")
#: A decision that would be another now, and a recall in which there is something of everything.
DIFFERS = DifferingDecision(
    prediction_id="01a20b6d-9f4c-7df1-8a08-566f7c85dd0f",
    at_us=1,
    told=PredictedOutput(probability=0.2, decision="bad"),
    now=PredictedOutput(probability=0.7, decision="good"),
)
RECALLED = DecisionsRecalled(
    by_version=2,
    by_digest="sha256:" + "2" * 64,
    decisions=1_204,
    rescored=1_197,
    differing=1,
    erased=3,
    altered=1,
    not_taken=2,
    unread=1,
    list_digest="sha256:" + "3" * 64,
)


def deploy(departments: Departments, cast: Cast, version: int, *, supersedes: int | None = None) -> None:
    """Has a version of credit approved, allowed and rolled out, as far as the ledger is concerned."""
    step = Step(run_id=f"deploy-{version}")
    approve_version(departments, "credit", version, person=cast.officer, key_file=cast.key(cast.officer), reason="Within its limits.")
    decision = ask(departments, deployment_input(departments, departments.model("credit"), version, step), step)
    assert decision.allowed
    rollout, subject = new_id(), standing.trained(departments, "credit", version).event.subject
    request_rollout(departments, departments.model("credit"), version, decision.id, rollout, step)
    digest = None if supersedes is None else standing.trained(departments, "credit", supersedes).event.subject.digest
    body = RolloutCompleted(rollout_id=rollout, superseded_version=supersedes, superseded_digest=digest, observed=())
    departments.ledger.append(Event.happened(body, subject=subject, actor=GATEWAY, environment="local"))


def second_candidate(departments: Departments) -> int:
    """Another version at the gate, of other bytes than the first: trained from another seed."""
    model, step = departments.model("credit"), Step(run_id="second")
    model = model.model_copy(update={"training": model.training.model_copy(update={"seed": 8})})
    dataset = ingest_dataset(departments, model, step)
    version = train_candidate(departments, model, dataset, step, report=lambda line: None).event.subject.version
    assert version is not None
    evaluate_candidate(departments, model, version, step)
    ask_for_promotion(departments, model, version, step)
    return version


def recall(departments: Departments, version: int) -> DecisionsRecalled:
    """Records a recall of a version of credit, whose list has `DIFFERS`."""
    subject = standing.trained(departments, "credit", version).event.subject
    listed = RecallList(
        model="credit", version=version, digest=subject.digest, by_version=version, by_digest=subject.digest, differing=(DIFFERS,)
    )
    update = {"by_version": version, "by_digest": subject.digest, "list_digest": departments.artifacts.put(listed.canonical())}
    body = RECALLED.model_copy(update=update)
    departments.ledger.append(Event.happened(body, subject=subject, actor=GATEWAY, environment="local"))
    return body


class GatewayThatRollsBack:
    """A gateway that does what it is told and records it, once for each id."""

    def __init__(self, departments: Departments) -> None:
        self._departments = departments
        self.asked: list[dict[str, Any]] = []

    def status(self) -> GatewayStatus:
        digests = ["sha256:" + f"{version}" * 64 for version in (1, 2)]
        champion = VersionStatus(version=2, digest=digests[1], arm="champion", weight=1.0, requests=5, errors=0, slow=0, fallbacks=0)
        standby = champion.model_copy(update={"version": 1, "digest": digests[0], "arm": "standby", "weight": 0.0})
        credit = ModelStatus(model="credit", versions=(champion, standby), referred=0, rollout=None)
        return GatewayStatus(
            running=True, url="http://127.0.0.1:1", pid=1, environment="local", workers=1, models=(credit,), waiting_events=0
        )

    def rollback(self, model: str, *, from_version: int, to_version: int, trigger: Trigger, rollback_id: str, **told: Any) -> RolledBack:
        trained = [standing.trained(self._departments, model, version).event.subject for version in (from_version, to_version)]
        done = RolledBack(
            rollback_id=rollback_id,
            trigger=trigger,
            from_version=from_version,
            from_digest=trained[0].digest or "",
            to_version=to_version,
            to_digest=trained[1].digest,
            decided_at_us=now_us(),
            actuation_us=1_500,
            observed=(),
        )
        if rollback_id not in {asked["rollback_id"] for asked in self.asked}:
            self._departments.ledger.append(Event.happened(done, subject=trained[0], actor=GATEWAY, environment="local"))
        self.asked.append({"rollback_id": rollback_id, **told})
        return done
