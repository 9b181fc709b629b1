"""Questions to the gates as large as a real life asks them: a version of the credit model beside its champion."""

from __future__ import annotations

import random
from typing import Any

from pydantic import JsonValue

from lifecycle.policy.bundle import Bundle
from lifecycle.records.gates import GateInput
from lifecycle.records.record import JsonObject

#: What the evidence on the credit model of this repository has.
METRICS = ("auc", "accuracy", "brier", "calibration_error", "log_loss")
COLUMNS, SLICES, GROUPS, MAKERS = 12, 10, 5, 6
CHAMPION = "sha256:" + "9" * 64


def promotion(bundle: Bundle, number: int = 0) -> GateInput:
    """What the promotion gate is asked about a challenger of high risk: about 23 kB, all of it as it should be but for the people."""
    return _question(bundle, "promotion", ("evidence",), number)


def deployment(bundle: Bundle, number: int = 0) -> GateInput:
    """The same evidence, as the deployment gate is shown it."""
    return _question(bundle, "deployment", ("evidence", "promotion"), number)


def small(bundle: Bundle, gate: str, number: int) -> GateInput:
    """The question that a gate must allow, of a moment of its own."""
    question = bundle.canaries[gate]
    subject = question.subject.model_copy(update={"limits": min(bundle.limit_sets)})
    target = question.target.model_copy(update={"environment": "local"})
    return question.model_copy(update={"subject": subject, "target": target, "now_us": question.now_us + number})


def _question(bundle: Bundle, gate: str, where: tuple[str, ...], number: int) -> GateInput:
    chance = random.Random(number)
    content: Any = small(bundle, gate, number).as_json()
    content["subject"] |= {
        "risk_tier": "high",
        "makers": [{"id": f"maker_{place}", "part": "team", "basis": "fact"} for place in range(MAKERS)],
    }
    shown = content
    for step in where:
        shown = shown[step]
    shown |= {"first_version": False, "rollback_target": CHAMPION}
    compared = [_compared(metric, chance) for metric in METRICS]
    groups = [(f"column_{place % 3}", f"group_{place}") for place in range(SLICES)]
    shown["evaluation"] |= {
        "metrics": {metric: _measured(_good(metric), chance) for metric in METRICS},
        "baseline": {metric: _measured(_good(metric) - 0.01, chance) for metric in METRICS},
        "slices": [
            {
                "column": column,
                "group": group,
                "n": 300,
                "enough_data": True,
                "metrics": {metric: _measured(_good(metric), chance) for metric in METRICS},
            }
            for column, group in groups
        ],
        "fairness": [_fairness(attribute, chance) for attribute in ("age_band", "marital_status")],
        "drift": [{"column": f"column_{place}", "psi": chance.random() / 100} for place in range(COLUMNS)],
        "against_champion": {
            "champion_version": 1,
            "champion_digest": CHAMPION,
            "comparisons": compared,
            "slices": [
                {
                    "column": column,
                    "group": group,
                    "n": 300,
                    "enough_data": True,
                    "comparisons": [_compared(metric, chance) for metric in METRICS],
                }
                for column, group in groups[: SLICES // 2]
            ],
        },
        "computed_with": dict.fromkeys(("numpy", "pandas", "scikit-learn", "evidently", "onnxruntime"), "2026.1"),
    }
    return GateInput.of(content)


def _good(metric: str) -> float:
    return 0.9 if metric in ("auc", "accuracy") else 0.05


def _measured(value: float, chance: random.Random) -> JsonObject:
    value -= chance.random() / 100
    return {"value": value, "low": value - chance.random() / 100, "high": value + chance.random() / 100, "n": 1_091}


def _compared(metric: str, chance: random.Random) -> JsonObject:
    return {
        "metric": metric,
        "candidate": _measured(_good(metric), chance),
        "champion": _measured(_good(metric), chance),
        "difference": _measured(0.0, chance),
    }


def _fairness(attribute: str, chance: random.Random) -> JsonObject:
    rates = ("selection_rate", "true_positive_rate", "false_positive_rate")
    groups: list[JsonValue] = [
        {"group": f"group_{place}", "n": 300, "enough_data": True, **{rate: chance.random() for rate in rates}} for place in range(GROUPS)
    ]
    return {
        "attribute": attribute,
        "minimum_n": 100,
        "verdict": "measured",
        "groups": groups,
        "demographic_parity_difference": _measured(0.05, chance),
        "demographic_parity_ratio": _measured(0.9, chance),
        "equalised_odds_difference": _measured(0.05, chance),
    }
