"""Deploying: what is refused, and what stands in the ledger then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lifecycle.errors import DataRejected, InvalidDeclaration, LifecycleError, Refused, Unavailable
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.life import rollback
from lifecycle.life.deployment import deploy_version, request_rollout
from lifecycle.life.gates import standing
from lifecycle.life.gates.asking import ask
from lifecycle.life.gates.judging import deployment_input
from lifecycle.life.ingestion import ingest_dataset
from lifecycle.life.people.approval import approve_version
from lifecycle.life.people.waiting import ready_versions, waiting_for
from lifecycle.life.recording import Step
from lifecycle.records.bodies.decisions import DecisionMade
from lifecycle.records.bodies.serving import RolloutCompleted, RolloutRequested
from lifecycle.records.events import Actor, Event
from lifecycle.records.identity import derived_id
from tests.life.gateways import GatewayThatAnswers, types
from tests.scenarios.homes import copy_of_home_at_the_gate, train_to_gate

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("life")]


def test_a_version_that_waits_is_not_deployed_without_its_approval(tmp_path: Path) -> None:
    """The deployment gate says no, the decision is recorded, and no rollout was ever requested."""
    departments, _ = copy_of_home_at_the_gate(tmp_path)
    vars(departments)["gateway"] = GatewayThatAnswers()
    with pytest.raises(Refused) as refused:
        deploy_version(departments, departments.model("credit"), 1, Step(run_id="deploy"), report=print)
    assert any(rule.startswith("APR-") for rule in refused.value.rules)
    assert "RolloutRequested" not in types(departments)
    assert types(departments)[-1] == "DecisionMade"


def test_a_gateway_that_is_down_uses_up_no_approval(tmp_path: Path) -> None:
    """Nothing is asked and nothing is consumed while there is nobody to deploy to."""
    departments, cast = copy_of_home_at_the_gate(tmp_path)
    approve_version(departments, "credit", 1, person=cast.officer, key_file=cast.key(cast.officer), reason="It is within its limits.")
    before = departments.ledger.head()
    with pytest.raises(Unavailable) as down:
        deploy_version(departments, departments.model("credit"), 1, Step(run_id="deploy"), report=print)
    assert "gateway start" in down.value.next_step
    assert departments.ledger.head() == before
    assert [ready.name for ready in ready_versions(departments, departments.model("credit"))] == ["credit:1"]


def test_an_order_that_the_gateway_does_not_take_is_an_abort(tmp_path: Path) -> None:
    """The intent was recorded, so its end is too; the version is allowed as before, and nothing serves."""
    departments, cast = copy_of_home_at_the_gate(tmp_path)
    approve_version(departments, "credit", 1, person=cast.officer, key_file=cast.key(cast.officer), reason="It is within its limits.")
    vars(departments)["gateway"] = GatewayThatAnswers()
    with pytest.raises(Refused):
        deploy_version(departments, departments.model("credit"), 1, Step(run_id="deploy"), report=print)
    assert types(departments)[-2:] == ["RolloutRequested", "RolloutAborted"]
    assert standing.states(departments)[("credit", 1)] == "allowed"


def test_of_two_candidates_in_flight_the_second_is_refused(tmp_path: Path) -> None:
    """A rollout can't be requested while another version of the model is being rolled out."""
    departments, cast = copy_of_home_at_the_gate(tmp_path)
    model = departments.model("credit")
    second = train_to_gate(departments, "second")
    for version in (1, second):
        approve_version(departments, "credit", version, person=cast.officer, key_file=cast.key(cast.officer), reason="Within limits.")
        decision = ask(departments, deployment_input(departments, model, version, Step(run_id=f"d{version}")), Step(run_id=f"d{version}"))
        assert decision.allowed
    request_rollout(departments, model, 1, "decision", "rollout-1", Step(run_id="d1"))
    with pytest.raises(Refused) as refused:
        request_rollout(departments, model, second, "decision", "rollout-2", Step(run_id="d2"))
    assert "credit:1 is being rolled out" in refused.value.what
    assert types(departments).count("RolloutRequested") == 1


def test_an_approval_is_used_up_by_the_decision_that_it_allowed(tmp_path: Path) -> None:
    """The deployment decision names the approval; a second deployment can't use it again."""
    departments, cast = copy_of_home_at_the_gate(tmp_path)
    model = departments.model("credit")
    approved = approve_version(departments, "credit", 1, person=cast.officer, key_file=cast.key(cast.officer), reason="Within limits.")
    first = ask(departments, deployment_input(departments, model, 1, Step(run_id="d1")), Step(run_id="d1"))
    again = ask(departments, deployment_input(departments, model, 1, Step(run_id="d2")), Step(run_id="d2"))
    decided = [standing.body_of(r, DecisionMade) for r in departments.ledger.events(types=("DecisionMade",), name="credit", version=1)]
    assert first.allowed
    assert not again.allowed
    assert [body.consumed for body in decided][-2:] == [(approved.statement.content_digest(),), ()]


def test_two_deployments_that_race_for_one_approval_do_not_both_get_it(tmp_path: Path) -> None:
    """Both were shown the approval unused; the second one's decision is refused in the ledger's own transaction."""
    departments, cast = copy_of_home_at_the_gate(tmp_path)
    model = departments.model("credit")
    approve_version(departments, "credit", 1, person=cast.officer, key_file=cast.key(cast.officer), reason="Within limits.")
    shown_to_both = deployment_input(departments, model, 1, Step(run_id="d1"))
    assert ask(departments, shown_to_both, Step(run_id="d1")).allowed
    with pytest.raises(Refused):
        ask(departments, shown_to_both, Step(run_id="d2"))
    decided = departments.ledger.events(types=("DecisionMade",), name="credit", version=1)
    allowed = [recorded for recorded in decided if standing.body_of(recorded, DecisionMade).consumed]
    assert len(allowed) == 1


def test_what_waits_says_for_whom(tmp_path: Path) -> None:
    """The words of the sensor's skip reason and of `lifecycle status`."""
    departments, _ = copy_of_home_at_the_gate(tmp_path)
    (waiting,) = waiting_for(departments, departments.model("credit"))
    assert waiting.says == "credit:1 waits for 1 of 1 approvals: risk"
    assert not waiting.answered


def test_a_step_that_is_retried_records_once(tmp_path: Path) -> None:
    """The same run id trains, evaluates and ingests once, however often it is called."""
    departments, _ = copy_of_home_at_the_gate(tmp_path)
    before = types(departments)
    assert train_to_gate(departments, "first") == 1
    repeated = types(departments)[len(before) :]
    assert "ModelTrained" not in repeated
    assert "ModelEvaluated" not in repeated
    assert "DatasetIngested" not in repeated


def test_a_version_that_nobody_trained_is_named_with_those_that_there_are(tmp_path: Path) -> None:
    """An unknown version is an error that lists the versions."""
    departments, _ = copy_of_home_at_the_gate(tmp_path)
    with pytest.raises(LifecycleError) as unknown:
        standing.trained(departments, "credit", 9)
    assert "credit:1" in unknown.value.next_step


def test_a_step_that_was_killed_after_the_gate_allowed_goes_on_under_that_decision(tmp_path: Path) -> None:
    """The approval is used up by one decision, and that decision is used by the next deployment: no second approval is needed."""
    departments, cast = copy_of_home_at_the_gate(tmp_path)
    model = departments.model("credit")
    approve_version(departments, "credit", 1, person=cast.officer, key_file=cast.key(cast.officer), reason="Within limits.")
    decision = ask(departments, deployment_input(departments, model, 1, Step(run_id="killed")), Step(run_id="killed"))
    vars(departments)["gateway"] = GatewayThatAnswers()
    with pytest.raises(Refused, match="disk is full"):
        deploy_version(departments, model, 1, Step(run_id="next"), report=print)
    (requested,) = departments.ledger.events(types=("RolloutRequested",), name="credit", version=1)
    assert standing.body_of(requested, RolloutRequested).decision_id == decision.id
    with pytest.raises(Refused) as refused:
        deploy_version(departments, model, 1, Step(run_id="third"), report=print)
    assert any(rule.startswith("APR-") for rule in refused.value.rules)


def test_an_order_of_which_nobody_knows_whether_it_was_taken_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that falls silent may have taken it: the ledger does not call aborted what may be serving."""
    departments, cast = copy_of_home_at_the_gate(tmp_path)
    approve_version(departments, "credit", 1, person=cast.officer, key_file=cast.key(cast.officer), reason="Within limits.")

    def silent(*arguments: Any, **told: Any) -> None:
        raise Unavailable("It does not answer.", "Start it.")

    monkeypatch.setattr(GatewayThatAnswers, "order", silent)
    monkeypatch.setattr(GatewayThatAnswers, "abort", silent)
    vars(departments)["gateway"] = GatewayThatAnswers()
    with pytest.raises(Unavailable):
        deploy_version(departments, departments.model("credit"), 1, Step(run_id="deploy"), report=print)
    assert types(departments)[-1] == "RolloutRequested"
    assert standing.states(departments)[("credit", 1)] == "rolling_out"


def test_what_the_gateway_has_lost_goes_out_again_under_the_decision_that_allowed_it(tmp_path: Path) -> None:
    """The ledger says that it serves, the gateway serves nothing: no new approval is asked for, and the ledger stays lawful."""
    departments, cast = copy_of_home_at_the_gate(tmp_path)
    model = departments.model("credit")
    approve_version(departments, "credit", 1, person=cast.officer, key_file=cast.key(cast.officer), reason="Within limits.")
    decision = ask(departments, deployment_input(departments, model, 1, Step(run_id="first")), Step(run_id="first"))
    request_rollout(departments, model, 1, decision.id, derived_id("rollout"), Step(run_id="first"))
    subject = standing.trained(departments, "credit", 1).event.subject
    done = RolloutCompleted(rollout_id="r", superseded_version=None, superseded_digest=None, observed=())
    departments.ledger.append(Event.happened(done, subject=subject, actor=Actor(id="gateway", kind="service"), environment="local"))
    vars(departments)["gateway"] = GatewayThatAnswers()
    with pytest.raises(Refused, match="disk is full"):
        deploy_version(departments, model, 1, Step(run_id="again"), report=print)
    requested = departments.ledger.events(types=("RolloutRequested",), name="credit", version=1)
    assert [standing.body_of(recorded, RolloutRequested).decision_id for recorded in requested] == [decision.id, decision.id]
    assert verify_ledger(departments.ledger, None).findings == ()


def test_a_rollback_needs_no_gate_that_works(tmp_path: Path) -> None:
    """A registry that can't be read, an engine that fails, rules that nobody agreed to: the gateway is asked all the same, and the reason
    says so. A rule is obeyed."""
    departments, _ = copy_of_home_at_the_gate(tmp_path)
    asked: list[dict[str, Any]] = []

    class Rolling:
        def rollback(self, model: str, **told: Any) -> str:
            asked.append(told)
            return "rolled back"

    vars(departments)["gateway"] = Rolling()

    def broken(*arguments: Any) -> str:
        raise InvalidDeclaration("governance/people.yaml can't be read.", "Mend it.")

    def engine_down(*arguments: Any) -> str:
        raise Refused("It was denied.", "See the log.", ("SYS-001",))

    def edited(*arguments: Any) -> str:
        raise Refused("The policies in governance/ are not those that were agreed to.", "Put the files back.", ("GOV-002",))

    for failing in (broken, engine_down, edited):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(rollback, "_ask", failing)
            rollback.roll_back(departments, departments.model("credit"), Step(run_id="r"), reason="It is bad")
    assert [told["decision_id"] for told in asked] == [None, None, None]
    assert all("could not be asked" in told["reason"] for told in asked)
    with pytest.raises(Refused):
        rollback.roll_back(departments, departments.model("credit"), Step(run_id="r"), reason="Nothing serves")
    assert len(asked) == 3


def test_a_mended_source_is_ingested_by_the_same_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rejected dataset does not stand in the way of the one that comes after it, also when the run is resumed."""
    departments, _ = copy_of_home_at_the_gate(tmp_path)
    model = departments.model("credit")
    broken = tmp_path / "broken.csv"
    lines = Path(model.data.source.location).read_text().splitlines()
    broken.write_text("\n".join([lines[0], *(line.replace("good", "perhaps") for line in lines[1:])]) + "\n")
    source = model.data.source.model_copy(update={"location": str(broken)})
    bad = model.model_copy(update={"data": model.data.model_copy(update={"source": source})})
    with pytest.raises(DataRejected):
        ingest_dataset(departments, bad, Step(run_id="resumed"))
    assert ingest_dataset(departments, model, Step(run_id="resumed")).event.type == "DatasetIngested"
    assert types(departments)[-2:] == ["DatasetRejected", "DatasetIngested"]


def test_a_refusal_while_the_gate_is_asked_is_not_passed_over(tmp_path: Path) -> None:
    """The question was put together before somebody refused; the answer is not recorded, and nothing is deployed."""
    departments, cast = copy_of_home_at_the_gate(tmp_path)
    model = departments.model("credit")
    approve_version(departments, "credit", 1, person=cast.officer, key_file=cast.key(cast.officer), reason="Within limits.")
    seen = departments.ledger.head().size
    asked = deployment_input(departments, model, 1, Step(run_id="slow"))
    reject: dict[str, Any] = {"person": cast.officer, "key_file": cast.key(cast.officer), "reason": "On second thoughts, no."}
    approve_version(departments, "credit", 1, decision="reject", **reject)
    with pytest.raises(Refused):
        ask(departments, asked, Step(run_id="slow"), seen=seen)
    assert types(departments)[-1] == "ApprovalRefused"
    assert standing.states(departments)[("credit", 1)] == "denied"
