"""The scenes of the story. Each lives through the real thing and tells what was seen; none knows how it must end."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifecycle.declaration import GovernedModel
from lifecycle.demo.people import Cast
from lifecycle.demo.story import Story
from lifecycle.demo.traffic import Application, Counted, Traffic
from lifecycle.errors import LifecycleError, Refused, Unavailable
from lifecycle.life import standing
from lifecycle.life.approval import approve_version
from lifecycle.life.evaluation import evidence_of, report_page
from lifecycle.records.bodies.decisions import DecisionMade
from lifecycle.records.bodies.serving import RolledBack
from lifecycle.records.evidence import Measurement
from lifecycle.records.gates import Decision
from lifecycle.records.record import JsonObject
from lifecycle.wiring import Departments

if TYPE_CHECKING:
    import dagster as dg

MODEL = "credit"
#: The second candidate learns from a sample that leaves out the young applicants who paid back.
UNFAIR: dict[str, Any] = {"sample": "no_young_payers"}
#: The third one's preprocessing refuses a category that it has not seen in training.
BRITTLE: dict[str, Any] = {"unknown": "refuse"}
#: The value that the application form gains while the third candidate is a canary, and how many rows have it.
NEW_CATEGORY, NEW_EVERY = ("home", "shared"), 3


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


def train_first(stage: Stage) -> int:
    """Data, training, evaluation, and a gate that waits for a person."""
    with stage.story.step(
        "train-to-gate", "A candidate learns from 4,454 real applications and asks to be promoted", "Ingesting, training, evaluating"
    ):
        version, decision = _train(stage, {})
        evidence = evidence_of(stage.departments, MODEL, version)
        stage.applications = _held_out(stage, version)
        _expect(
            decision.result.outcome == "needs_approval",
            f"{MODEL}:{version} should wait for people, but the gate said {decision.result.outcome}",
            decision,
        )
    stage.story.say(
        f"{MODEL}:{version} on {evidence.rows} held-out rows: AUC {measurement(evidence.metrics['auc'])}, "
        f"accuracy {measurement(evidence.metrics['accuracy'])}; {evidence.baseline_name} AUC {evidence.baseline['auc'].value:.3f}"
    )
    missing = ", ".join(f"{need.count - need.given} of role {need.role}" for need in decision.result.required_approvals)
    stage.story.say(f"promotion: [yellow]waiting[/] for {missing}; {len(decision.result.evaluated)} rules evaluated, none violated")
    return version


def approve_own_work(stage: Stage, version: int) -> None:
    """The engineer tries to approve what their own team trained."""
    with stage.story.step(
        "self-approval-refused", f"The engineer whose team trained {MODEL}:{version} tries to approve it", "Signing and asking"
    ):
        try:
            _approve(stage, version, stage.cast.engineer, "It looks good to me.")
        except Refused as refusal:
            refused = refusal
        else:
            raise StoryBroken(
                "The engineer could approve their own work.", "Read governance/policies/lib: separation of duties does not hold."
            )
        _expect(bool(refused.rules), f"the refusal names no rule: {refused.what}")
    stage.story.say(f"[red]refused[/] by {', '.join(refused.rules)}: {refused.what}")


def roll_out(stage: Stage, version: int) -> None:
    """The risk officer signs; the version takes 10, 50, 100 % of live traffic."""
    with stage.story.step("rollout", "The risk officer signs, and the version goes out under live traffic", "Rolling out"):
        _approve(stage, version, stage.cast.officer, "The evidence meets the limits for consumer credit.")
        with Traffic(_gateway_url(stage), MODEL, stage.applications) as traffic:
            result = _deploy(stage, version)
        stage.sent.append(traffic.counted)
        stage.prediction = traffic.counted.last_prediction
        _expect(result.success, f"the rollout of {MODEL}:{version} did not complete: {_why(result)}")
        _expect(traffic.counted.failed == 0, f"{traffic.counted.failed} requests were lost: {traffic.counted.errors[:2]}")
    steps = stage.departments.ledger.events(types=("RolloutStepReached",), name=MODEL, version=version, newest_first=True, limit=3)
    shares = " → ".join(f"{getattr(recorded.event.body, 'weight', 0):.0%}" for recorded in reversed(steps))
    counted = traffic.counted
    stage.story.say(f"{shares}, then [bold green]serving[/]; {_arms(counted)}")
    stage.story.say(
        f"{counted.sent} requests ({len(stage.applications)} held-out applications, each sent {traffic.replays:.1f} times), "
        f"{counted.failed} failed"
    )


def deny_unfair(stage: Stage) -> None:
    """A candidate that learnt from a skewed sample meets the fairness limit."""
    with stage.story.step(
        "fairness-denied", "A second candidate learnt from data without the young who paid back", "Training and evaluating"
    ):
        version, decision = _train(stage, UNFAIR)
        _expect(
            decision.result.outcome == "deny", f"{MODEL}:{version} should be denied, but the gate said {decision.result.outcome}", decision
        )
    stage.story.say(f"promotion of {MODEL}:{version}: [red]denied[/]")
    stage.story.table(
        ["rule", "what", "about", "observed", "limit"],
        [
            [
                violation.rule,
                cut(violation.message, 38),
                cut(violation.subject, 14),
                short_number(violation.observed),
                short_number(violation.limit),
            ]
            for violation in decision.result.violations
            if not violation.rule.startswith("APR-")
        ],
    )


def break_in_canary(stage: Stage) -> None:
    """A candidate whose preprocessing does not survive the live feed."""
    title = "A third one, fine on paper, meets a value in the live feed that it refuses"
    with stage.story.step("automatic-rollback", title, "Training, approving, rolling out, and back"):
        version, decision = _train(stage, BRITTLE)
        _expect(
            decision.result.outcome == "needs_approval",
            f"{MODEL}:{version} should wait for people, but was {decision.result.outcome}",
            decision,
        )
        _approve(stage, version, stage.cast.officer, "The evidence meets the limits; watch the canary.")
        with Traffic(_gateway_url(stage), MODEL, stage.applications, change=_with_new_category) as traffic:
            result = _deploy(stage, version)
        stage.sent.append(traffic.counted)
        back = _rolled_back(stage, version)
        _expect(not result.success, f"{MODEL}:{version} was not taken out")
        _expect(traffic.counted.failed == 0, f"{traffic.counted.failed} requests were lost: {traffic.counted.errors[:2]}")
        stage.rollback_ms = round(back.actuation_us / 1000, 3)
    canary = next((arm for arm in back.observed if arm.arm == "canary"), None)
    seen = (
        f"{canary.errors} of the {canary.requests} requests that it saw failed in it and the champion answered them"
        if canary
        else back.trigger.detail
    )
    stage.story.say(
        f"{MODEL}:{version} is [magenta]rolled back[/] by the gateway itself ({back.trigger.metric or back.trigger.kind}): {seen}"
    )
    stage.story.say(
        f"from decision to the last request that it got: {stage.rollback_ms:.2g} ms; "
        f"{traffic.counted.sent} requests, {traffic.counted.failed} failed"
    )


def prove(stage: Stage) -> None:
    """The ledger verifies; one altered record in a copy is named."""
    from lifecycle.demo.tampering import alter_one_record
    from lifecycle.ledger.verification import verify_ledger

    with stage.story.step("tampering-named", "The ledger is verified; then one record is altered in a copy of it", "Verifying"):
        departments = stage.departments
        departments.checkpoint()
        whole = verify_ledger(departments.ledger, departments.ledger_key)
        _expect(whole.ok, f"the ledger does not verify: {[finding.what for finding in whole.findings][:2]}")
        with tempfile.TemporaryDirectory() as folder:
            copy = departments.ledger.copy_to(Path(folder) / "copy.db")
            altered = alter_one_record(Path(folder) / "copy.db")
            broken = verify_ledger(copy, departments.ledger_key)
        named = [finding for finding in broken.findings if finding.index == altered]
        _expect(not broken.ok and bool(named), f"the altered record {altered} was not named")
    stage.story.say(f"{whole.size} records, root {whole.root_text[:16]}…: [green]they hold[/] (level {whole.level})")
    stage.story.say(f"in the copy: [red]{named[0].what}[/]")


def point_onwards(stage: Stage, version: int) -> None:
    """Where to look next."""
    with stage.story.step("where-next", "Everything is still open", "Looking"):
        report = report_page(stage.departments, MODEL, version)
        url = _gateway_url(stage)
    stage.story.say("make ui                                  the same life in Dagster's pages")
    stage.story.say(f"lifecycle explain {stage.prediction}   everything behind one prediction")
    stage.story.say("lifecycle status; lifecycle ledger log; lifecycle lineage show credit:1")
    stage.story.say(f"report   {report}")
    stage.story.say(f"gateway  {url} ; lifecycle gateway stop stops it")


def measurement(value: Measurement) -> str:
    """`0.836 [0.812, 0.858]`."""
    return f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"


def _gateway_url(stage: Stage) -> str:
    url = stage.departments.gateway.status().url
    if url is None:
        raise Unavailable("The gateway does not run.", "Start it: `lifecycle gateway start`.")
    return url


def cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


def short_number(text: str) -> str:
    """A number as a person reads it; anything else as it is."""
    try:
        return f"{float(text):.3g}"
    except ValueError:
        return text


def _train(stage: Stage, options: Mapping[str, Any]) -> tuple[int, Decision]:
    """One candidate through the job that the web pages launch; the gate's decision on it."""
    from lifecycle.launching import run_job

    config = {"candidate": {"options": dict(options)}} if options else {}
    result = run_job(stage.departments, stage.definitions, f"{MODEL}_train_to_gate", config=config, log_level="CRITICAL")
    made = stage.departments.ledger.events(types=("DecisionMade",), name=MODEL, run_id=result.run_id, newest_first=True, limit=1)
    if not made or made[0].event.subject.version is None:
        raise StoryBroken(
            f"The run {result.run_id} did not come to the promotion gate: {_why(result)}", "Read it in Dagster's pages: `make ui`."
        )
    return made[0].event.subject.version, standing.body_of(made[0], DecisionMade).decision


def _deploy(stage: Stage, version: int) -> dg.ExecuteInProcessResult:
    from lifecycle.launching import run_job

    digest = standing.trained(stage.departments, MODEL, version).event.subject.digest
    config: dict[str, JsonObject] = {"deployment": {"digest": digest}}
    return run_job(stage.departments, stage.definitions, f"{MODEL}_deploy", config=config, log_level="CRITICAL")


def _approve(stage: Stage, version: int, person: str, reason: str) -> None:
    approve_version(stage.departments, MODEL, version, person=person, key_file=stage.cast.key(person), reason=reason, decision="approve")


def _held_out(stage: Stage, version: int) -> list[Application]:
    """The test rows as callers would send them: features only, None where a value is missing."""
    from lifecycle.data.columnar import read_dataset

    evidence = evidence_of(stage.departments, MODEL, version)
    frame = read_dataset(stage.departments.artifacts, evidence.dataset_digest)
    rows = frame[frame["split"] == "test"][list(stage.model.data.features)]
    return [
        {str(column): (None if value != value else value) for column, value in row.items()}
        for row in rows.astype(object).to_dict("records")
    ]


def _with_new_category(number: int, application: Application) -> Application:
    column, value = NEW_CATEGORY
    return {**application, column: value} if number % NEW_EVERY == 0 else application


def _rolled_back(stage: Stage, version: int) -> RolledBack:
    found = stage.departments.ledger.events(types=("RolledBack",), name=MODEL, newest_first=True)
    bodies = [standing.body_of(recorded, RolledBack) for recorded in found]
    back = next((body for body in bodies if body.from_version == version), None)
    if back is None:
        raise StoryBroken(f"The ledger holds no RolledBack of {MODEL}:{version}.", "Read gateway.log in the home's logs.")
    return back


def _arms(counted: Counted) -> str:
    return ", ".join(f"{number} answered by the {arm}" for arm, number in sorted(counted.by_arm.items()))


def _why(result: dg.ExecuteInProcessResult) -> str:
    from lifecycle.launching import failure_of

    return failure_of(result)[0]


def _expect(holds: bool, otherwise: str, decision: Decision | None = None) -> None:
    if not holds:
        rules = (
            f" ({', '.join(v.rule + ' ' + v.message for v in decision.result.violations)})"
            if decision and decision.result.violations
            else ""
        )
        raise StoryBroken(f"The story broke: {otherwise}{rules}.", "`lifecycle status` and Dagster's pages show what happened.")
