"""What the ledger takes back: out of the gateway within seconds, and never in it again; and a ledger that does not answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lifecycle.errors import Refused
from lifecycle.records.bodies.revocations import VersionRevoked
from lifecycle.records.bodies.serving import RolledBack, RolloutAborted
from lifecycle.records.gates import VerifiedApproval
from lifecycle.records.identity import now_us
from lifecycle.records.states import Fold
from tests.serving.packages import BY_HAND, ENVIRONMENT, MODEL, NOWHERE, decided, decision, order, plan, prove
from tests.serving.running import RunningGateway, running_gateway, wait_for


def serving(gateway: RunningGateway) -> dict[int, float]:
    """Which version takes which share."""
    return {arm.version: arm.weight for arm in gateway.model().versions if arm.weight}


def test_a_revoked_version_gives_way_to_the_last_allowed_one(gateway: RunningGateway) -> None:
    """What served before takes its place; the ledger is told what was taken out, why, and what came back."""
    gateway.serve(1)
    gateway.serve(2)
    gateway.take_back(2)
    wait_for(lambda: serving(gateway) == {1: 1.0}, "version 1 serves again")
    caller = gateway.caller()
    assert caller.infer()[1]["model_version"] == "1"
    wait_for(lambda: bool(gateway.events("RolledBack")), "the ledger has been told")
    body = gateway.events("RolledBack")[0].body
    assert isinstance(body, RolledBack)
    assert (body.from_version, body.to_version, body.trigger.kind) == (2, 1, "revocation")
    assert "it leaked" in body.trigger.detail
    assert [(one.version, one.decision_id) for one in gateway.client.status().withdrawn] == [(2, None)]


def test_a_revoked_version_with_nothing_before_it_leaves_nobody_answering(gateway: RunningGateway) -> None:
    """With no version that may serve there is no answer: the caller hears that, and when to come again, and the status says why."""
    gateway.serve(1)
    gateway.take_back(1)
    wait_for(lambda: not serving(gateway), "nothing serves")
    caller = gateway.caller()
    assert (caller.infer()[0], caller.headers["retry-after"]) == (503, "1")
    assert "it leaked" in gateway.model().fault
    wait_for(lambda: bool(gateway.events("RolledBack")), "the ledger has been told")
    body = gateway.events("RolledBack")[0].body
    assert isinstance(body, RolledBack)
    assert (body.from_version, body.to_version) == (1, None)
    gateway.serve(2)
    assert gateway.caller().infer()[1]["model_version"] == "2"
    assert gateway.model().fault == ""


def test_a_label_that_comes_while_no_version_is_held_may_come_again(gateway: RunningGateway) -> None:
    """Nobody knows then what the outcomes are: it is neither believed nor refused for good, and is taken once a version serves again."""
    gateway.serve(1)
    caller = gateway.caller()
    prediction_id = caller.infer()[1]["parameters"]["prediction_id"]
    body = json.dumps({"prediction_id": prediction_id, "label": "bad"}).encode()
    gateway.take_back(1)
    wait_for(lambda: caller.send("POST", f"/v2/models/{MODEL}/feedback", body)[0] == 503, "no version is held")
    gateway.serve(2)
    assert caller.send("POST", f"/v2/models/{MODEL}/feedback", body)[0] == 200
    assert gateway.client.predictions.locate(prediction_id).label == "bad"


def test_a_canary_that_is_revoked_is_taken_out_of_its_rollout(gateway: RunningGateway) -> None:
    """The champion keeps its traffic; the rollout is over, for that reason."""
    gateway.serve(1)
    rollout = gateway.deploy(2, plan((0.5, 10_000, 60.0), (1.0, 1, 0.0)))
    gateway.await_weight(rollout, 0.5)
    gateway.take_back(2)
    gateway.await_rollout(rollout, "aborted")
    assert serving(gateway) == {1: 1.0}
    wait_for(lambda: bool(gateway.events("RolloutAborted")), "the ledger has been told")
    aborted = gateway.events("RolloutAborted")[0].body
    assert isinstance(aborted, RolloutAborted)
    assert aborted.cause == "revoked"


def test_a_champion_that_is_revoked_takes_the_rollout_beside_it_along(gateway: RunningGateway) -> None:
    """What is half rolled out was judged beside what is gone: it ends, and what stood by serves."""
    gateway.serve(1)
    gateway.serve(2)
    rollout = gateway.deploy(3, plan((0.5, 10_000, 60.0), (1.0, 1, 0.0)))
    gateway.await_weight(rollout, 0.5)
    gateway.take_back(2)
    gateway.await_rollout(rollout, "aborted")
    wait_for(lambda: serving(gateway) == {1: 1.0}, "version 1 serves again")


def test_two_revocations_at_once_leave_what_may_serve(gateway: RunningGateway) -> None:
    """Neither the champion nor the version that stands by first comes back where both are revoked in one moment."""
    for version in (1, 2, 3):
        gateway.serve(version)
    gateway.take_back(3)
    gateway.take_back(2)
    wait_for(lambda: serving(gateway) == {1: 1.0}, "version 1 serves")
    assert [arm.version for arm in gateway.model().versions] == [1]


def test_a_version_that_stands_by_and_is_revoked_is_no_target_any_more(gateway: RunningGateway) -> None:
    """A rollback by hand can't reach it, and what serves is left alone."""
    gateway.serve(1)
    gateway.serve(2)
    gateway.take_back(1)
    wait_for(lambda: [arm.version for arm in gateway.model().versions] == [2], "version 1 stands by no more")
    with pytest.raises(Refused, match="can't go back"):
        gateway.client.rollback(MODEL, to_version=1, trigger=BY_HAND, reason="try", rollback_id="by-hand")
    assert serving(gateway) == {2: 1.0}


def test_a_version_that_may_not_serve_under_one_decision_may_under_another(gateway: RunningGateway) -> None:
    """Revoking an approval takes back what was deployed with it, and no more: allowed anew, the version serves."""
    gateway.serve(1)
    gateway.serve(2)
    gateway.take_back(2, under=f"decision-of-rollout-{MODEL}-2")
    wait_for(lambda: serving(gateway) == {1: 1.0}, "version 1 serves again")
    again = gateway.deploy(2, plan(), rollout_id="again")
    gateway.await_rollout(again, "completed")
    assert serving(gateway) == {2: 1.0}


def test_a_restart_after_its_approval_has_run_out_and_the_policies_have_changed_goes_on_serving(gateway: RunningGateway) -> None:
    """Both bound what is deployed: the decision that let it in is proven, under the policies of its day, and that is all a load asks."""
    packed, ends_us = gateway.pack(1), now_us() + 1_500_000
    rightly = order(packed, 1, gateway.key, plan())
    allowed = decision(packed.digest, 1, plan()).model_copy(update={"id": rightly.decision_id})
    approval = VerifiedApproval(
        event_id="given",
        statement_digest=NOWHERE,
        approver="rita",
        also=(),
        roles=("risk",),
        decision="approve",
        subject_digest=packed.digest,
        dataset_digest=NOWHERE,
        report_digest=NOWHERE,
        evidence_digest=NOWHERE,
        bundle_digest=allowed.policy.bundle_digest,
        environment=ENVIRONMENT,
        approved_at_us=1,
        expires_at_us=ends_us,
        consumed=False,
    )
    asked = allowed.input.model_copy(update={"approvals": (approval,)})
    allowed = allowed.model_copy(update={"input": asked, "input_digest": asked.content_digest()})
    gateway.client.order(rightly.model_copy(update={"proof": prove(decided(allowed), gateway.key)}), packed.folder)
    gateway.await_rollout(rightly.rollout_id, "completed")
    wait_for(lambda: now_us() > ends_us, "the approval has run out")
    for end in (gateway.stop, gateway.kill):
        end()
        gateway.start()
        assert gateway.caller().infer()[1]["model_version"] == "1"
        status = gateway.client.status()
        assert (serving(gateway), status.withdrawn, status.faults) == ({1: 1.0}, (), ())


def test_an_order_of_a_revoked_version_is_not_taken(gateway: RunningGateway) -> None:
    """However good its proof is: it says what was allowed, and not what was taken back since."""
    gateway.serve(1)
    gateway.take_back(2)
    wait_for(lambda: bool(gateway.client.status().withdrawn), "the gateway has heard of it")
    with pytest.raises(Refused, match="credit:2 may not serve: it was revoked") as refused:
        gateway.deploy(2, plan())
    assert "REVOKED" in refused.value.rules
    assert serving(gateway) == {1: 1.0}


def test_what_is_recorded_of_a_revocation_is_a_legal_life(gateway: RunningGateway) -> None:
    """Every event of the gateway's can happen to a version that the ledger has revoked already."""
    gateway.serve(1)
    rollout = gateway.deploy(2, plan((0.5, 10_000, 60.0), (1.0, 1, 0.0)))
    gateway.await_weight(rollout, 0.5)
    gateway.take_back(2)
    gateway.await_rollout(rollout, "aborted")
    wait_for(lambda: bool(gateway.events("RolloutAborted")), "the ledger has been told")
    folded = Fold(ENVIRONMENT, {(MODEL, 1): "rolling_out", (MODEL, 2): "rolling_out"})
    first, *others = [event for event in gateway.events() if event.subject.version == 2]
    for event in (*[one for one in gateway.events() if one.subject.version == 1], first):
        folded.apply(event)
    revoked = first.model_copy(update={"type": "VersionRevoked", "body": VersionRevoked(reason="it leaked"), "id": "revoked"})
    for event in (revoked, *others):
        folded.apply(event)
    assert folded.states == {(MODEL, 1): "serving", (MODEL, 2): "revoked"}


def test_a_gateway_out_of_reach_of_its_ledger_answers_for_its_time_and_then_nobody(tmp_path: Path) -> None:
    """It stops by itself and says why, and goes on by itself once the ledger answers again."""
    with running_gateway(tmp_path, offline_seconds=3.0) as gateway:
        gateway.serve(1)
        caller = gateway.caller()
        with gateway.ledger_down():
            assert caller.infer()[0] == 200
            wait_for(lambda: caller.infer()[0] == 503, "nobody is answered")
            assert "out of reach of its ledger" in str(caller.infer()[1])
            status = gateway.client.status()
            assert status.ledger_left_seconds == 0.0
            assert "Nobody is answered: the ledger has not answered" in status.faults[0]
            assert caller.send("GET", "/v2/health/ready")[0] != 200
        wait_for(lambda: caller.infer()[0] == 200, "it answers again")
        assert serving(gateway) == {1: 1.0}
        assert not gateway.client.status().faults


def test_a_restart_gives_a_gateway_no_more_time_without_its_ledger(tmp_path: Path) -> None:
    """When the ledger last answered is remembered: whoever restarts the gateway again and again wins nothing."""
    with running_gateway(tmp_path, offline_seconds=4.0) as gateway:
        gateway.serve(1)
        with gateway.ledger_down():
            wait_for(lambda: gateway.caller().infer()[0] == 503, "nobody is answered")
            gateway.stop()
            gateway.start()
            assert gateway.caller().infer()[0] == 503
        wait_for(lambda: gateway.caller().infer()[0] == 200, "it answers again")


def test_a_rollout_waits_while_nobody_is_answered(tmp_path: Path) -> None:
    """No step is taken of which nobody could see how the version does."""
    with running_gateway(tmp_path, offline_seconds=2.0) as gateway:
        gateway.serve(1)
        with gateway.ledger_down():
            wait_for(lambda: gateway.caller().infer()[0] == 503, "nobody is answered")
            rollout = gateway.deploy(2, plan((0.5, 0, 0.0), (1.0, 0, 0.0)))
            wait_for(lambda: gateway.client.rollout(rollout).state == "baking", "its first step has begun")
            assert gateway.client.rollout(rollout).step == 0
            assert gateway.caller().infer()[0] == 503
        gateway.await_rollout(rollout, "completed")
