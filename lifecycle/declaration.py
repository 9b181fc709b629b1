"""GovernedModel: what a team declares about a model, in one form, without Dagster.

Everything else (the asset graph, the gates' input, the schedules, the rollout) is derived from it. A wrong
field raises InvalidDeclaration that names the model, the field and what is allowed.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
from itertools import combinations
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from lifecycle.data.spec import DatasetSpec
from lifecycle.errors import InvalidDeclaration
from lifecycle.measures.names import Metric
from lifecycle.records import rollout as ordered
from lifecycle.records.cron import Cron
from lifecycle.records.declared import Declared
from lifecycle.records.form import Form
from lifecycle.records.gates import RiskTier
from lifecycle.records.record import INTEGER_BOUND, ActorId, Count, JsonObject, Name


class Training(Form):
    """How to train. `function` is `package.module:name`, so that declaring a model imports no torch."""

    function: str
    options: JsonObject = Field(default_factory=dict)
    seed: Count = 7
    epochs: int = Field(default=30, ge=1, le=10_000)
    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    deterministic: bool = True

    @field_validator("function")
    @classmethod
    def _exists(cls, reference: str) -> str:
        """The function must be defined at the top of its module; the module is read, not run."""
        module, _, name = reference.partition(":")
        try:
            found = importlib.util.find_spec(module)
        except (ImportError, ValueError):
            found = None
        if found is None or found.origin is None:
            raise ValueError(f"there is no module {module!r}; write package.module:function")
        source = Path(found.origin).read_text(encoding="utf-8")
        functions = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
        if name not in functions:
            raise ValueError(f"{module} defines {', '.join(functions) or 'no function'}, not {name!r}")
        return reference

    def resolve(self) -> Any:
        """The training function itself; imports its module, and torch with it."""
        module, _, name = self.function.partition(":")
        return getattr(importlib.import_module(module), name)


class Budget(Form):
    """What training may cost in a period. The gate sees what is spent and what the next run is estimated at."""

    amount: float = Field(gt=0.0)
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    period_days: int = Field(default=30, ge=1, le=366)


class Watch(Form):
    """What monitoring alarms at, and how often it looks."""

    schedule: Cron = "0 * * * *"
    window_hours: float = Field(default=24.0, gt=0.0)
    psi_limit: float = Field(default=0.2, gt=0.0)
    error_share_limit: float = Field(default=0.01, ge=0.0, le=1.0)
    latency_p99_ms_limit: float = Field(default=250.0, gt=0.0)
    accuracy_limit: float | None = Field(default=None, ge=0.0, le=1.0)
    #: How old an answer must be before its outcome counts for a rollback: outcomes that come soon are not like the rest.
    labels_mature_hours: float = Field(default=0.0, ge=0.0)
    minimum_n: Count = 100


class RolloutStep(Form, ordered.RolloutStep):
    """The form of a step of a rollout."""


class Guardrail(Form, ordered.Guardrail):
    """The form of what takes a canary out."""


class NoWorse(Form, ordered.NoWorse):
    """The form of what a version must have shown before all of the traffic goes to it."""


class Tier(Form, ordered.Tier):
    """The form of what answers in a version's place."""


class RolloutPlan(Form, ordered.RolloutPlan):
    """The form of a rollout."""


class GovernedModel(Form):
    """The declaration of one governed model."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    called: ClassVar[str] = "The model"
    mend: ClassVar[str] = "Correct the named fields in its model.py; docs/reference/declaration.md lists what each takes."

    name: Name
    owner: ActorId
    team: Name
    #: What the model is for, as the data's `purposes` name it: the data_access gate compares the two.
    purpose: Name
    description: str = Field(min_length=20)
    risk_tier: RiskTier
    jurisdiction: str = Field(pattern=r"^[A-Z]{2}$")
    data: DatasetSpec
    target: str
    protected: tuple[str, ...]
    minimum_group_n: int = Field(ge=1, lt=INTEGER_BOUND)
    training: Training
    metrics: tuple[Metric, ...] = Field(min_length=1)
    slices: tuple[str, ...]
    limits: Name
    limit_overrides: dict[Name, float] = Field(default_factory=dict)
    rollout: ordered.RolloutPlan
    budget: Budget
    schedule: Cron
    watch: Watch = Watch()
    approval_valid_hours: float = Field(default=72.0, gt=0.0, le=24.0 * 90)

    @field_validator("rollout")
    @classmethod
    def _is_guarded(cls, plan: ordered.RolloutPlan) -> ordered.RolloutPlan:
        """The plan as it is ordered and recorded: the plain record, whichever form it was declared in."""
        if not plan.guardrails:
            raise ValueError("guardrails: a rollout needs at least one, such as Guardrail(kind='errors')")
        if any(one.is_about(other) for one, other in combinations(plan.guardrails, 2)):
            kinds = ", ".join(guardrail.kind for guardrail in plan.guardrails)
            raise ValueError(f"guardrails: one of each kind is allowed (on labels, one of each column), not {kinds}")
        # Callers label what they were told, which is no shadow's answer. The record does not ask: plans that were ordered stay legible.
        told_seconds = [step.bake_seconds for number, step in enumerate(plan.steps) if not plan.copies(number)]
        for guardrail in plan.guardrails:
            if guardrail.on_labels and (not told_seconds or (guardrail.mature_seconds or 0.0) > sum(told_seconds)):
                raise ValueError(
                    f"guardrails: {guardrail.kind!r} guards nothing here: no label is of a shadow's answers, and the steps after "
                    f"the shadow's bake for {sum(told_seconds):g} s"
                )
        return ordered.RolloutPlan.of(plan.as_json())

    @model_validator(mode="after")
    def _agrees_with_its_data(self) -> GovernedModel:
        features = self.data.features
        if self.target != self.data.target:
            raise ValueError(f"target: the data's target is {self.data.target!r}, not {self.target!r}")
        if set(self.protected) != set(self.data.protected):
            raise ValueError(f"protected: the data derives {', '.join(self.data.protected)}, not {', '.join(self.protected)}")
        if self.name in {tier.model for tier in self.rollout.tiers or ()}:
            raise ValueError("rollout: tiers: a model is no backup of itself; kind 'earlier_version' is its version before")
        for guardrail in self.rollout.guardrails:
            if guardrail.column is not None and guardrail.column not in self.data.categories:
                raise ValueError(
                    f"rollout: guardrails: column {guardrail.column!r} is no category that callers send; those are "
                    f"{', '.join(self.data.categories)}"
                )
            if guardrail.favourable is not None and guardrail.favourable not in (self.data.positive, self.data.negative):
                raise ValueError(f"rollout: guardrails: favourable: the outcomes are {self.data.positive!r} and {self.data.negative!r}")
        unknown = [column for column in self.slices if column not in features]
        if unknown:
            raise ValueError(f"slices: {', '.join(unknown)} are not features; those are {', '.join(features)}")
        return self

    def declared(self, members: tuple[str, ...]) -> Declared:
        """What a version that is trained now will be judged by; `members` are those of the team now."""
        return Declared(
            owner=self.owner,
            team=self.team,
            members=members,
            purpose=self.purpose,
            jurisdiction=self.jurisdiction,
            risk_tier=self.risk_tier,
            limits=self.limits,
            limit_overrides=self.limit_overrides,
            rollout=self.rollout,
            approval_valid_hours=self.approval_valid_hours,
        )

    def with_options(self, **options: Any) -> GovernedModel:
        """A copy whose training differs in these options, for a candidate that tries something else."""
        training = self.training.model_copy(update={"options": {**self.training.options, **options}})
        return self.model_copy(update={"training": training})


def named(models: tuple[GovernedModel, ...], name: str) -> GovernedModel:
    """The declared model of this name. Raises InvalidDeclaration that lists those that there are."""
    for model in models:
        if model.name == name:
            return model
    raise InvalidDeclaration(f"There is no model {name!r} here.", f"The declared models are {', '.join(m.name for m in models) or 'none'}.")
