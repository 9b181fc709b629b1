"""Labels on a cluster: read from the logs that pods keep on the volume, by a controller that takes a canary out for them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from lifecycle.records.bodies.serving import RolledBack
from lifecycle.records.rollout import Guardrail
from lifecycle.serving.homes import PODS, gateway_folders
from lifecycle.serving.prediction_log.reading import PredictionLog
from lifecycle.serving.targets.contract import Placement
from lifecycle.serving.targets.http_route import NOTE
from tests.kubernetes.controller import RunningController, callers, running_controller
from tests.kubernetes.pod_logs import PodLogs
from tests.serving.packages import MODEL, plan
from tests.serving.running import wait_for

pytestmark = pytest.mark.slow
AT_ONCE = plan((1.0, 0, 0.0), strategy="blue_green")
ON_LABELS = (Guardrail(kind="errors"), Guardrail(kind="wrong_labels"))
BRIEF = plan((0.5, 40, 0.5), (1.0, 20, 0.0), guardrails=ON_LABELS)
HALF_FOR_LONG = plan((0.5, 1_000_000, 600.0), (1.0, 1, 0.0), guardrails=ON_LABELS)


@pytest.fixture
def there(tmp_path: Path) -> Iterator[RunningController]:
    """A controller whose pods log on its volume, and version 1 serves."""
    with running_controller(tmp_path, pace={"tick_seconds": 0.05, "quiet_seconds": 0.2, "sweep_seconds": 0.2}) as made:
        made.server.logs = PodLogs(tmp_path / PODS)
        assert made.until_ended(made.order(1, AT_ONCE).rollout_id) == "completed"
        yield made


def told_by_labels(there: RunningController, rollout_id: str) -> tuple[int, int]:
    """The labels that have counted, of the canary and of what serves beside it."""
    found = [one for one in there.client.rollout(rollout_id).guardrails if one.guardrail == "wrong_labels"]
    return (found[0].canary, found[0].control) if found else (0, 0)


def test_a_canary_that_decides_wrongly_is_taken_out_by_its_labels(there: RunningController) -> None:
    """It answers fast and never fails; the labels lie in the logs of other pods than its answers."""
    assert there.server.logs is not None
    there.server.logs.contrary.add("2")
    with callers(there.server):
        assert there.until_ended(there.order(2, HALF_FOR_LONG).rollout_id) == "aborted"
    assert there.champion() == 1
    wait_for(lambda: "RolledBack" in there.told(), "the ledger is told")
    body = next(event.body for event in there.events() if isinstance(event.body, RolledBack))
    assert (body.trigger.metric, body.from_version) == ("wrong_labels", 2)


def test_a_canary_that_decides_as_well_comes_in(there: RunningController) -> None:
    """Its labels are shown meanwhile, as those of a gateway of one machine are."""
    with callers(there.server):
        rollout_id = there.order(2, BRIEF).rollout_id
        assert there.until_ended(rollout_id) == "completed"
    assert there.champion() == 2


def test_labels_from_before_a_kill_count_after_it(there: RunningController) -> None:
    """When each step began stands in the route: the controller that follows reads the same answers again, and each once."""
    with callers(there.server):
        rollout_id = there.order(2, HALF_FOR_LONG).rollout_id
        wait_for(lambda: min(told_by_labels(there, rollout_id)) >= 20, "both arms have labels")
    wait_for(lambda: sum(told_by_labels(there, rollout_id)) == answered_in_steps(there), "every label has counted")
    there.end(signal.SIGKILL)
    there.start()
    wait_for(lambda: sum(told_by_labels(there, rollout_id)) == answered_in_steps(there), "every label has counted again")


def answered_in_steps(there: RunningController) -> int:
    """How many answers were given since the first step of what is under way began."""
    note = there.server.objects["HTTPRoute", MODEL]["metadata"]["annotations"][NOTE]
    began_us = Placement.parse(note.encode()).steps_us[0]
    log = PredictionLog(*(folder.predictions for folder in gateway_folders(there.home)))
    return sum(1 for _ in log.rows(MODEL, began_us))


def test_a_controller_that_does_not_see_the_logs_promotes_nothing(there: RunningController) -> None:
    """It runs where the volume is not mounted: the rollout waits, says why, and can be ended."""
    assert there.server.logs is not None
    there.server.logs.homes = (there.home / PODS).rename(there.home / "elsewhere")
    with callers(there.server):
        rollout_id = there.order(2, BRIEF).rollout_id
        wait_for(lambda: "is not to be seen in" in there.client.rollout(rollout_id).reason, "the status says why")
        assert there.client.rollout(rollout_id).weight == 0.5
    assert there.client.abort(rollout_id, "it can't be judged", "failed").state == "aborted"
    assert there.champion() == 1


def test_what_a_gone_pod_left_is_sealed_by_the_controller(there: RunningController) -> None:
    """Its last rows stand under a seal in the ledger, though no gateway will ever start on its home again."""
    with callers(there.server):
        assert there.until_ended(there.order(2, plan((1.0, 10, 0.0), strategy="blue_green")).rollout_id) == "completed"
    gone = {home.name for home in (there.home / PODS).iterdir()} - set(there.server.pods)
    assert gone
    wait_for(lambda: "PredictionsSealed" in there.told(), "what it left is sealed")
    assert not any((there.home / PODS / pod / "gateway" / "predictions" / MODEL / "seals").exists() for pod in there.server.pods)
