"""The credit model, declared."""

from __future__ import annotations

from assets.credit.data import APPLICATIONS
from lifecycle.declaration import Budget, GovernedModel, Guardrail, NoWorse, RolloutPlan, RolloutStep, Training, Watch

CREDIT = GovernedModel(
    name="credit",
    owner="credit_model_owner",
    team="credit_modelling",
    purpose="credit_scoring",
    description="Recommends whether a consumer loan is likely to be paid back. A person decides where it is in doubt.",
    risk_tier="high",
    jurisdiction="EU",
    # Data: source, contract, features and licence stand in data.py.
    data=APPLICATIONS,
    target="status",
    protected=("age_band", "marital"),
    minimum_group_n=100,
    # Training.
    training=Training(function="assets.credit.network:train_credit_network", epochs=30, seed=7),
    budget=Budget(amount=50.0, currency="EUR", period_days=30),
    schedule="0 3 * * 1",
    # Judgement: limits stand in governance/limits/consumer_credit.yaml.
    metrics=("auc", "accuracy", "log_loss", "brier", "calibration_error"),
    slices=("home", "job"),
    limits="consumer_credit",
    approval_valid_hours=72.0,
    # Serving.
    rollout=RolloutPlan(
        steps=(
            RolloutStep(weight=0.10, minimum_n=100, bake_seconds=1.0),
            RolloutStep(weight=0.50, minimum_n=300, bake_seconds=1.0),
            RolloutStep(weight=1.00, minimum_n=300, bake_seconds=1.0),
        ),
        guardrails=(Guardrail(kind="errors", alpha=0.005), Guardrail(kind="latency", objective_ms=250.0, alpha=0.005)),
        no_worse=NoWorse(margin_odds=2.0, ceiling=0.02),
        without_champion="refer",
    ),
    watch=Watch(schedule="0 * * * *", window_hours=24.0, psi_limit=0.2, accuracy_limit=0.75),
)
