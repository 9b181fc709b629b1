"""Whoever may edit the form or leave a team tries to be judged by something else than what was declared at training."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.approvals import statements
from lifecycle.errors import Refused
from lifecycle.life.gates import judging
from lifecycle.life.gates.asking import ask
from lifecycle.life.gates.judging import deployment_input
from lifecycle.life.people.approval import approve_version
from lifecycle.life.promotion import ask_for_promotion
from lifecycle.life.recording import Step
from lifecycle.records.identity import now_us
from tests.scenarios.homes import copy_of_home_at_the_gate

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("life")]


def test_a_risk_tier_taken_down_after_training_needs_the_same_approval(tmp_path: Path) -> None:
    """`risk_tier="low"` in model.py, after the candidate waits: the gates still judge a version of high risk."""
    departments, _ = copy_of_home_at_the_gate(tmp_path)
    low = departments.model("credit").model_copy(update={"risk_tier": "low", "limit_overrides": {"approvals_high": 1.0}})
    vars(departments)["models"] = (low,)
    promoted = ask_for_promotion(departments, low, 1, Step(run_id="again"))
    deployed = ask(departments, deployment_input(departments, low, 1, Step(run_id="deploy")), Step(run_id="deploy"))
    assert promoted.result.outcome == deployed.result.outcome == "needs_approval"
    assert promoted.input.subject.risk_tier == "high"
    assert promoted.input.subject.limit_overrides == {}


def test_who_left_the_team_after_training_may_still_not_approve(tmp_path: Path) -> None:
    """The engineer's teams are deleted from the registry, and promotion is asked for again: they had a part in it all the same."""
    departments, cast = copy_of_home_at_the_gate(tmp_path)
    registry = departments.settings.home / "people.yaml"
    text = registry.read_text()
    assert "credit_modelling" in text
    registry.write_text(text.replace("credit_modelling", "somewhere_else"))
    for stale in ("people", "gate_keeper"):
        vars(departments).pop(stale, None)
    ask_for_promotion(departments, departments.model("credit"), 1, Step(run_id="again"))
    with pytest.raises(Refused) as refused:
        approve_version(departments, "credit", 1, person=cast.engineer, key_file=cast.key(cast.engineer), reason="It looks good.")
    assert "SOD-001" in refused.value.rules


def test_another_team_in_the_form_bars_nobody_less(tmp_path: Path) -> None:
    """`team="other_team"` in model.py after training: the team of the training is still barred."""
    departments, cast = copy_of_home_at_the_gate(tmp_path)
    other = departments.model("credit").model_copy(update={"team": "other_team", "owner": "somebody_else"})
    vars(departments)["models"] = (other,)
    ask_for_promotion(departments, other, 1, Step(run_id="again"))
    with pytest.raises(Refused) as refused:
        approve_version(departments, "credit", 1, person=cast.engineer, key_file=cast.key(cast.engineer), reason="It looks good.")
    assert "SOD-001" in refused.value.rules


def test_waiting_until_a_refusal_expires_gives_nothing_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal counts when its statement is long out of date, and under whatever policy is in force then."""
    departments, cast = copy_of_home_at_the_gate(tmp_path)
    approve_version(departments, "credit", 1, person=cast.officer, key_file=cast.key(cast.officer), reason="No.", decision="reject")
    years_later = now_us() + 3 * 365 * 86_400_000_000
    for module in (statements, judging):
        monkeypatch.setattr(module, "now_us", lambda: years_later)
    answered = ask_for_promotion(departments, departments.model("credit"), 1, Step(run_id="later"))
    assert answered.result.outcome == "deny"
    assert "APR-002" in {violation.rule for violation in answered.result.violations}
