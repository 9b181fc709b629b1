"""The form: what somebody is told who fills it in wrongly."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from assets.credit.model import CREDIT
from lifecycle.declaration import Budget, GovernedModel, Guardrail, RolloutPlan, RolloutStep, Tier, Training, Watch
from lifecycle.errors import InvalidDeclaration
from lifecycle.measures.names import Metric
from lifecycle.records import rollout
from lifecycle.settings import Settings
from lifecycle.wiring import Departments
from tests.scenarios.commands import change, project_copy

FILLED_IN: dict[str, Any] = {name: getattr(CREDIT, name) for name in GovernedModel.model_fields}
STEPS = (RolloutStep(weight=1.0, minimum_n=1, bake_seconds=0.0),)
HALF = RolloutStep(weight=0.5, minimum_n=1, bake_seconds=0.0)
NOTHING = RolloutStep(weight=0.0, minimum_n=1, bake_seconds=0.0)
ERRORS = Guardrail(kind="errors")


def guarded(*guardrails: Guardrail) -> RolloutPlan:
    """A plan with these guardrails."""
    return RolloutPlan(steps=STEPS, guardrails=guardrails)


def shadowed(guardrail: Guardrail, *after: RolloutStep) -> RolloutPlan:
    """A shadow for a minute with this guardrail, and what comes after it."""
    return RolloutPlan(strategy="shadow", steps=(RolloutStep(weight=0.5, minimum_n=1, bake_seconds=60.0), *after), guardrails=(guardrail,))


EARLIER = Tier(kind="earlier_version")


@pytest.mark.parametrize(
    ("part", "fields", "said"),
    [
        (Training, {"function": "assets.credit.network:nope"}, "function: assets.credit.network defines .*train_credit_network"),
        (Training, {"function": "assets.nowhere:train"}, "function: there is no module 'assets.nowhere'"),
        (
            Training,
            {"function": CREDIT.training.function, "epoch": 3},
            "epoch: there is no such field; those are function, options, seed, epochs",
        ),
        (Budget, {"amount": 1.0, "currency": "eur"}, "currency: .*A-Z"),
        (Watch, {"schedule": "hourly"}, "schedule: .*five fields"),
        (RolloutStep, {"weight": 2.0, "minimum_n": 1, "bake_seconds": 0.0}, "weight: .*less than or equal to 1"),
        (Guardrail, {"kind": "speed"}, "kind: .*'errors', 'latency'"),
        (Guardrail, {"kind": "latency"}, "objective_ms: kind 'latency' needs one"),
        (Guardrail, {"kind": "errors", "objective_ms": 5.0}, "objective_ms: .*the other kinds take none"),
        (RolloutPlan, {"steps": (), "guardrails": (ERRORS,)}, "steps: .*at least 1"),
        (RolloutPlan, {"strategy": "blue_green", "steps": (HALF, *STEPS), "guardrails": (ERRORS,)}, "steps: blue-green has one step"),
        (RolloutPlan, {"strategy": "ab", "steps": STEPS, "guardrails": (ERRORS,)}, "steps: an A/B test has one step"),
        (RolloutPlan, {"strategy": "shadow", "steps": (NOTHING, *STEPS), "guardrails": (ERRORS,)}, "steps: the first step of a shadow"),
        (RolloutPlan, {"steps": (HALF,), "guardrails": (ERRORS,)}, "the weights of the steps must grow and end with 1.0"),
        (RolloutPlan, {"steps": STEPS, "guardrails": (ERRORS,), "rows_per_second": 9.0}, "rows_per_second: declare in `tiers`"),
        (RolloutPlan, {"steps": STEPS, "guardrails": (ERRORS,), "holdout": 0.9}, "holdout: .*less than or equal to 0.5"),
        (RolloutPlan, {"steps": STEPS, "guardrails": (ERRORS,), "tiers": (EARLIER,) * 2}, "tiers: each may stand once"),
        (Guardrail, {"kind": "missed_approvals"}, "favourable: kind 'missed_approvals' needs the label"),
        (Guardrail, {"kind": "wrong_labels", "favourable": "good"}, "favourable: .*the other kinds take none"),
        (Guardrail, {"kind": "wrong_labels", "column": "home"}, "column, groups: name both"),
        (Guardrail, {"kind": "wrong_labels", "groups": ("rent", "rent"), "column": "home"}, "groups: each may stand once"),
        (Guardrail, {"kind": "errors", "mature_seconds": 60.0}, "mature_seconds: only kinds 'wrong_labels' and 'missed_approvals' take it"),
        (
            RolloutPlan,
            {"steps": STEPS, "guardrails": (Guardrail(kind="wrong_labels", mature_seconds=1e6),)},
            "mature_seconds: labels that count after 1e.06 s guard no rollout",
        ),
        (Tier, {"kind": "model"}, "model: a tier of kind 'model' names one"),
        (Tier, {"kind": "cached"}, "most_age_seconds: a tier of kind 'cached' needs it"),
        (Tier, {"kind": "earlier_version", "model": "small"}, "model: .*the other kinds take none"),
    ],
)
def test_a_part_that_is_filled_in_wrongly_names_itself_and_the_field(part: type[Any], fields: dict[str, Any], said: str) -> None:
    """Parts are made before the model is: each says what it is, which field is wrong, and what is allowed."""
    with pytest.raises(InvalidDeclaration, match=rf"{part.__name__} is not declared well: {said}"):
        part(**fields)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"schedule": "99 99 * * *"}, "schedule: minute: '99' is not within 0 and 59"),
        ({"minimum_group_n": 0}, "minimum_group_n: .*greater than or equal to 1"),
        ({"metrics": ("auc", "f1")}, f"metrics.1: .*{get_args(Metric)[0]}"),
        ({"tragte": "status"}, "tragte: there is no such field; those are name, owner, team"),
        (
            {"rollout": RolloutPlan(steps=STEPS, guardrails=(ERRORS,), tiers=(Tier(kind="model", model="credit"),))},
            "rollout: tiers: a model is no backup of itself",
        ),
        ({"rollout": RolloutPlan(steps=STEPS, guardrails=())}, "rollout: guardrails: a rollout needs at least one"),
        (
            {"rollout": RolloutPlan(steps=STEPS, guardrails=(Guardrail(kind="latency", objective_ms=9.0),) * 2)},
            "rollout: guardrails: one of each kind",
        ),
        (
            {"rollout": guarded(Guardrail(kind="wrong_labels"), Guardrail(kind="wrong_labels", alpha=0.02))},
            "rollout: guardrails: one of each",
        ),
        (
            {"rollout": guarded(Guardrail(kind="wrong_labels", column="age", groups=("30",)))},
            "rollout: guardrails: column 'age' is no category that callers send; those are home",
        ),
        (
            {"rollout": guarded(Guardrail(kind="missed_approvals", favourable="paid"))},
            "rollout: guardrails: favourable: the outcomes are 'good' and 'bad'",
        ),
        (
            {"rollout": shadowed(Guardrail(kind="wrong_labels"))},
            "rollout: guardrails: 'wrong_labels' guards nothing here: no label is of a shadow's answers",
        ),
        (
            {"rollout": shadowed(Guardrail(kind="wrong_labels", mature_seconds=60.0), *STEPS)},
            "rollout: guardrails: 'wrong_labels' guards nothing here: .*bake for 0 s",
        ),
    ],
)
def test_a_wrong_field_of_a_model_is_named(changed: dict[str, Any], said: str) -> None:
    """The error names the model, the field and what is allowed."""
    with pytest.raises(InvalidDeclaration, match=rf"The model 'credit' is not declared well: {said}"):
        GovernedModel(**{**FILLED_IN, **changed})


def test_a_rollout_is_ordered_as_a_plain_record() -> None:
    """What was declared in a form equals what a gateway reads back from its bytes."""
    declared = GovernedModel(**{**FILLED_IN, "rollout": RolloutPlan(steps=STEPS, guardrails=(ERRORS,))}).rollout
    assert declared == rollout.RolloutPlan.parse(declared.canonical())


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the project whose `assets` are imported instead of ours for the length of the test."""
    project = project_copy(tmp_path)
    ours = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "assets"}
    monkeypatch.syspath_prepend(str(project))
    for name in ours:
        del sys.modules[name]
    yield project
    for name in [name for name in sys.modules if name.partition(".")[0] == "assets"]:
        del sys.modules[name]
    sys.modules.update(ours)


def departments_of(project: Path) -> Departments:
    return Departments(Settings.from_environment({"LIFECYCLE_PROJECT": str(project)}))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('currency="EUR"', 'currency="eur"', "Budget is not declared well: currency"),
        ("objective_ms=250.0, ", "", "Guardrail is not declared well: objective_ms"),
        ('jurisdiction="EU"', 'jurisdiction="EU', "can't be loaded: SyntaxError"),
        ("name=", "naem=", "The model 'without a name' is not declared well"),
        ('limits="consumer_credit"', 'limits="nowhere"', "The model 'credit' .*: limits: .*nowhere"),
        ('limits="consumer_credit"', 'limits="consumer_credit",\n    limit_overrides={"auc": 0.8}', "limit_overrides: .*no 'auc'"),
        ('limits="consumer_credit"', 'limits="consumer_credit",\n    limit_overrides={"auc_least": 0.1}', "limit_overrides: .*0.65 to 1"),
    ],
)
def test_a_model_that_can_not_be_loaded_is_named_by_its_file(elsewhere: Path, old: str, new: str, said: str) -> None:
    """Whatever is wrong in a model.py, the error says in which."""
    change(elsewhere / "assets" / "credit" / "model.py", old, new)
    with pytest.raises(InvalidDeclaration, match=rf"assets/credit/model\.py.*{said}"):
        _ = departments_of(elsewhere).models
