"""Which stretch of which rollout is compared, and with what was sent as true."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assets.credit.model import CREDIT
from lifecycle.errors import Refused, UnknownName
from lifecycle.life.comparing import compare_rollout
from lifecycle.records.bodies import Body
from lifecycle.records.bodies.serving import RolloutCompleted, RolloutRequested, RolloutStepReached
from lifecycle.records.prediction import PredictedOutput
from lifecycle.records.record import Version, digest_of
from lifecycle.records.rollout import RolloutPlan, RolloutStep
from lifecycle.serving.prediction_log.writing import PredictionWriter
from tests.serving.prediction_log.rows import row

GOOD = PredictedOutput(probability=0.2, decision="good").as_json()
SHADOW_FIRST = RolloutPlan(
    strategy="shadow",
    steps=tuple(RolloutStep(weight=weight, minimum_n=1, bake_seconds=0.0) for weight in (0.5, 0.1, 1.0)),
    guardrails=(),
    holdout=0.1,
)


class ToldLedger:
    """A ledger that was told these bodies of credit:2, at the seconds 100, 200, …"""

    def __init__(self, *bodies: Body) -> None:
        self._told = list(enumerate(bodies, start=1))

    def events(self, *, types: tuple[str, ...], version: Version | None = None, newest_first: bool = False, **_: Any) -> list[Any]:
        subject = SimpleNamespace(name="credit", version=2)
        found = [
            SimpleNamespace(event=SimpleNamespace(body=body, occurred_at_us=place * 100, subject=subject, environment="local"))
            for place, body in self._told
            if type(body).__name__ in types and version in (None, 2)
        ]
        return found[::-1] if newest_first else found


class Home:
    """Two gateways' folders, and a ledger."""

    environment = "local"

    def __init__(self, folder: Path, *bodies: Body) -> None:
        self.ledger = ToldLedger(*bodies)
        self.gateway_folders = [SimpleNamespace(predictions=folder / name) for name in ("one", "two")]
        self._writers = [PredictionWriter(one.predictions, 0) for one in self.gateway_folders]

    def told(self, number: int, *, at_us: int, folder: int = 0, principal: str = "bank", **changed: Any) -> None:
        asked = {"request_id": "r", "values": {"home": "rent"}, "principal": principal}
        self._writers[folder].append("credit", [row(number, at_us=at_us, output=GOOD, **changed)], [asked])

    def label(self, number: int, label: str, *, at_us: int, folder: int = 0, asked_by: str | None = None) -> None:
        sent_by = None if asked_by is None else {"grant_id": "g", "asked_by": asked_by}
        self._writers[folder].label("credit", f"p{number}", label, at_us, sent_by)


def requested(plan: RolloutPlan = SHADOW_FIRST, champion: Version | None = 1) -> RolloutRequested:
    digest = None if champion is None else digest_of(b"1")
    return RolloutRequested(rollout_id="r", plan=plan, decision_id="d", champion_version=champion, champion_digest=digest)


def reached(step: int, rollout_id: str = "r") -> RolloutStepReached:
    return RolloutStepReached(rollout_id=rollout_id, step=step, weight=SHADOW_FIRST.steps[step].weight, observed=())


COMPLETED = RolloutCompleted(
    rollout_id="r", observed=(), superseded_version=1, superseded_digest=digest_of(b"1"), holdout=SHADOW_FIRST.holdout
)


def compared(home: Home, version: Version | None = None, step: int | None = None) -> Any:
    return compare_rollout(home, CREDIT, version, step)  # type: ignore[arg-type]  # the parts of a home that are asked


def test_the_newest_stretch_with_both_side_by_side_is_compared(tmp_path: Path) -> None:
    """The step with a share; after the promotion the hold-out; and the shadow's, request by request, where it is asked for."""
    home = Home(tmp_path, requested(), reached(0), reached(1), reached(2))
    home.told(1, at_us=250)
    home.told(2, at_us=251, arm="shadow", version=2, shadow_of="p1")
    home.told(3, at_us=350, arm="canary", version=2)
    home.told(4, at_us=399, folder=1)
    home.told(5, at_us=400)
    newest = compared(home)
    assert (newest.stretch.step, newest.stretch.over, newest.arms.paired) == (2, True, False)
    assert (newest.arms.ours.requests, newest.arms.theirs.requests) == (1, 1)
    shadow = compared(home, step=1)
    assert (shadow.arms.paired, shadow.arms.ours.compared, shadow.arms.disagreement.value) == (True, 1, 0.0)
    home.ledger = ToldLedger(requested(), reached(0), reached(1), reached(2), COMPLETED)
    home.told(6, at_us=600, arm="champion", version=2)
    home.told(7, at_us=601, arm="holdout", version=1, folder=1)
    after = compared(home, version=2)
    assert (after.stretch.step, after.stretch.over) == (None, False)
    assert (after.arms.ours.requests, after.arms.ours.version, after.arms.theirs.requests, after.arms.theirs.arm) == (1, 2, 1, "holdout")


def test_of_the_labels_of_an_answer_the_last_that_may_be_sent_counts(tmp_path: Path) -> None:
    """In whichever folder it lies; one of somebody who may label their own answers alone counts for no other's."""
    home = Home(tmp_path, requested(), reached(0), reached(1))
    home.told(1, at_us=350, arm="canary", version=2)
    home.told(2, at_us=351)
    home.label(1, "bad", at_us=901, folder=1)
    home.label(1, "good", at_us=900)
    home.label(2, "good", at_us=900)
    home.label(2, "bad", at_us=901, asked_by="broker")
    wrong = next(share for share in compared(home).arms.shares if share.measure == "wrong" and share.column is None)
    assert (wrong.ours.value, wrong.theirs.value) == (1.0, 0.0)
    home.label(2, "bad", at_us=902, asked_by="bank")
    wrong = next(share for share in compared(home).arms.shares if share.measure == "wrong" and share.column is None)
    assert wrong.theirs.value == 1.0


def test_where_nothing_was_beside_the_version_there_is_nothing_to_compare(tmp_path: Path) -> None:
    """A first version, a step that gave it all the traffic, another rollout's steps, and a model that was never rolled out."""
    with pytest.raises(Refused, match="came in where no version served"):
        compared(Home(tmp_path / "1", requested(champion=None), reached(0)))
    with pytest.raises(UnknownName, match="never asked side by side"):
        compared(Home(tmp_path / "2", requested(), reached(2), reached(1, "another")))
    with pytest.raises(UnknownName, match="in step 3 not asked side by side") as error:
        compared(Home(tmp_path / "3", requested(), reached(0), reached(1), reached(2)), step=3)
    assert error.value.next_step == "They were in step 1, 2."
    with pytest.raises(UnknownName, match="credit was never rolled out here"):
        compared(Home(tmp_path / "4"))
