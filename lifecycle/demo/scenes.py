"""The scenes of the story. Each lives through the real thing and tells what was seen; none knows how it must end."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from lifecycle.demo.acting import MODEL, Stage, StoryBroken, approve, deploy, expect, gateway_url, held_out, rolled_back, train, why
from lifecycle.demo.traffic import Application, Counted, Traffic
from lifecycle.errors import Refused
from lifecycle.life.evaluation import evidence_of, report_page
from lifecycle.records.evidence import Measurement

#: The second candidate learns from a sample that leaves out the young applicants who paid back.
UNFAIR: dict[str, Any] = {"sample": "no_young_payers"}
#: The third one's preprocessing refuses a category that it has not seen in training.
BRITTLE: dict[str, Any] = {"unknown": "refuse"}
#: The value that the application form gains while the third candidate is a canary, and how many rows have it.
NEW_CATEGORY, NEW_EVERY = ("home", "shared"), 3


def train_first(stage: Stage) -> int:
    """Data, training, evaluation, and a gate that waits for a person."""
    with stage.story.step(
        "train-to-gate", "A candidate learns from 4,454 real applications and asks to be promoted", "Ingesting, training, evaluating"
    ):
        version, decision = train(stage, {})
        evidence = evidence_of(stage.departments, MODEL, version)
        stage.applications = held_out(stage.departments, version)
        expect(
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
            approve(stage, version, stage.cast.engineer, "It looks good to me.")
        except Refused as refusal:
            refused = refusal
        else:
            raise StoryBroken(
                "The engineer could approve their own work.", "Read governance/policies/lib: separation of duties does not hold."
            )
        expect(bool(refused.rules), f"the refusal names no rule: {refused.what}")
    stage.story.say(f"[red]refused[/] by {', '.join(refused.rules)}: {refused.what}")


def roll_out(stage: Stage, version: int) -> None:
    """The risk officer signs; the version takes 10, 50, 100 % of live traffic."""
    with stage.story.step("rollout", "The risk officer signs, and the version goes out under live traffic", "Rolling out"):
        approve(stage, version, stage.cast.officer, "The evidence meets the limits for consumer credit.")
        with Traffic(gateway_url(stage), MODEL, stage.applications) as traffic:
            result = deploy(stage, version)
        stage.sent.append(traffic.counted)
        stage.prediction = traffic.counted.last_prediction
        expect(result.success, f"the rollout of {MODEL}:{version} did not complete: {why(result)}")
        expect(traffic.counted.failed == 0, f"{traffic.counted.failed} requests were lost: {traffic.counted.errors[:2]}")
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
        version, decision = train(stage, UNFAIR)
        expect(
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
        version, decision = train(stage, BRITTLE)
        expect(
            decision.result.outcome == "needs_approval",
            f"{MODEL}:{version} should wait for people, but was {decision.result.outcome}",
            decision,
        )
        approve(stage, version, stage.cast.officer, "The evidence meets the limits; watch the canary.")
        with Traffic(gateway_url(stage), MODEL, stage.applications, change=_with_new_category) as traffic:
            result = deploy(stage, version)
        stage.sent.append(traffic.counted)
        back = rolled_back(stage, version)
        expect(not result.success, f"{MODEL}:{version} was not taken out")
        expect(traffic.counted.failed == 0, f"{traffic.counted.failed} requests were lost: {traffic.counted.errors[:2]}")
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
    from lifecycle.ledger.keeping.copies import back_up
    from lifecycle.ledger.verifying.verification import verify_ledger
    from lifecycle.life.signing import sign

    with stage.story.step("tampering-named", "The ledger is verified; then one record is altered in a copy of it", "Verifying"):
        departments = stage.departments
        sign(departments)
        whole = verify_ledger(departments.ledger, departments.ledger_key)
        expect(whole.ok, f"the ledger does not verify: {[finding.what for finding in whole.findings][:2]}")
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "copy.db"
            back_up(departments.ledger.url, copy)
            altered = alter_one_record(copy)
            broken = verify_ledger(f"sqlite:///{copy}", departments.ledger_key)
        named = [finding for finding in broken.findings if finding.index == altered]
        expect(not broken.ok and bool(named), f"the altered record {altered} was not named")
    stage.story.say(f"{whole.size} records, root {whole.root_text[:16]}…: [green]they hold[/] (level {whole.level})")
    stage.story.say(f"in the copy: [red]{named[0].what}[/]")


def point_onwards(stage: Stage, version: int) -> None:
    """Where to look next."""
    with stage.story.step("where-next", "Everything is still open", "Looking"):
        report = report_page(stage.departments, MODEL, version)
        url = gateway_url(stage)
    stage.story.say("make ui                                  the same life in Dagster's pages")
    stage.story.say(f"lifecycle explain {stage.prediction}   everything behind one prediction")
    stage.story.say(f"lifecycle status; lifecycle ledger log; lifecycle lineage show {MODEL}:{version}")
    stage.story.say(f"report   {report}")
    stage.story.say(f"gateway  {url} ; lifecycle gateway stop stops it")


def measurement(value: Measurement) -> str:
    """`0.836 [0.812, 0.858]`."""
    return f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"


def cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


def short_number(text: str) -> str:
    """A number as a person reads it; anything else as it is."""
    try:
        return f"{float(text):.3g}"
    except ValueError:
        return text


def _with_new_category(number: int, application: Application) -> Application:
    column, value = NEW_CATEGORY
    return {**application, column: value} if number % NEW_EVERY == 0 else application


def _arms(counted: Counted) -> str:
    return ", ".join(f"{number} answered by the {arm}" for arm, number in sorted(counted.by_arm.items()))
