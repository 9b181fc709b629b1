"""What a waiver and a broken glass let pass, and what stands whatever they say."""

from __future__ import annotations

from typing import Any

import pytest

from lifecycle.policy.bundle import Bundle
from lifecycle.policy.embedded import EmbeddedEngine
from lifecycle.policy.engine import EngineFailure
from lifecycle.policy.gatekeeper import GateKeeper
from lifecycle.policy.recheck import believed
from lifecycle.records.gates import BREAK_GLASS, GateInput
from tests.policy.breaks import BREAKS, NEEDS_HIGH_RISK, waiver
from tests.policy.questions import OTHER_DIGEST, changed, good


@pytest.mark.parametrize(
    ("changes", "rule"), [({"also": ["canary"]}, "WVR-004"), ({"signer": "canary"}, "WVR-004"), ({"roles": ["engineer"]}, "WVR-005")]
)
def test_a_signature_under_a_waiver_that_does_not_count_denies(
    bundle: Bundle, keeper: GateKeeper, changes: dict[str, Any], rule: str
) -> None:
    """By somebody who had a part in the work, under any name, or without the role: named, and the second one is missing."""
    question = good(bundle, "waiver")
    for name, value in changes.items():
        question = changed(question, "evidence", "signatures", 1, name, value)
    decision = keeper.ask(question)
    assert decision.result.outcome == "deny"
    assert {failure.rule for failure in decision.result.violations} == {rule, "WVR-003"}


@pytest.mark.parametrize("gate", ["promotion", "deployment"])
def test_a_waiver_moves_its_rule_from_violations_to_waived(bundle: Bundle, keeper: GateKeeper, gate: str) -> None:
    """The failure stays in the decision, and blocks nothing; any other failure still does."""
    question = BREAKS[gate, "PRM-004"](bundle, good(bundle, gate))
    waived = question.model_copy(update={"waivers": (waiver(question),)})
    decision = keeper.ask(waived)
    assert decision.allowed
    assert [failure.rule for failure in decision.result.waived] == ["PRM-004"]
    both = keeper.ask(BREAKS[gate, "PRM-002"](bundle, waived))
    assert [failure.rule for failure in both.result.violations] == ["PRM-002"]


@pytest.mark.parametrize(
    "changes",
    [
        {"subject_digest": OTHER_DIGEST},
        {"expires_at_us": 0},
        {"granted_by": ["officer"]},
        {"granted_by": ["officer", "officer"]},
        {"granted_by": ["officer", "canary"]},
        {"ticket": ""},
        {"rule": "PRM-005"},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_a_waiver_that_does_not_hold_waives_nothing(bundle: Bundle, keeper: GateKeeper, changes: dict[str, Any]) -> None:
    """Of other bytes, ended, by one person or a maker, without a ticket, or of another rule."""
    question = BREAKS["promotion", "PRM-004"](bundle, good(bundle, "promotion"))
    decision = keeper.ask(question.model_copy(update={"waivers": (waiver(question, **changes),)}))
    assert decision.result.outcome == "deny"
    assert decision.result.waived == ()


def test_what_must_hold_is_never_waived(bundle: Bundle, keeper: GateKeeper) -> None:
    """Digests, signatures, leakage, lineage, formats, approvals and separation of duties: no rule of these says that it may be."""
    waivable = {rule.id for rules in bundle.rules.values() for rule in rules.values() if rule.waivable}
    measured = {f"PRM-{number:03}" for number in (4, 5, 6, 7, 8, 9, 10, 13, 19, 21)}
    assert waivable == measured | {"DEP-005"}
    for (gate, rule), broken in BREAKS.items():
        if rule not in waivable and bundle.rules[gate][rule].severity in ("critical", "high") and gate in ("promotion", "deployment"):
            question = broken(bundle, good(bundle, gate, risk_tier="high" if rule.startswith(NEEDS_HIGH_RISK) else "low"))
            decision = keeper.ask(question.model_copy(update={"waivers": (waiver(question, rule=rule),)}))
            assert decision.result.outcome == "deny", rule


def under_glass(question: GateInput, *, said: bool = True, **changes: Any) -> GateInput:
    """The question, asked under a broken glass."""
    glass = waiver(question, rule=BREAK_GLASS, **changes)
    return question.model_copy(update={"waivers": (glass,), "request": question.request.model_copy(update={"break_glass": said})})


def test_an_emergency_breaks_what_may_be_broken_and_nothing_else(bundle: Bundle, keeper: GateKeeper) -> None:
    """Signatures, digests, lineage, leakage, formats, approvals and separation of duties stand in every emergency."""
    emergency = {rule.id for rules in bundle.rules.values() for rule in rules.values() if rule.emergency}
    assert emergency == {"PRM-003", "PRM-011", "PRM-017", "PRM-018", "PRM-020", "DEP-004"}
    for (gate, rule), broken in BREAKS.items():
        declared = bundle.rules[gate][rule]
        if gate not in ("promotion", "deployment") or declared.severity not in ("critical", "high"):
            continue
        question = broken(bundle, good(bundle, gate, risk_tier="high" if rule.startswith(NEEDS_HIGH_RISK) else "low"))
        assert keeper.ask(under_glass(question)).allowed is (declared.waivable or declared.emergency), rule


@pytest.mark.parametrize(
    "changes",
    [{"said": False}, {"granted_by": ["officer"]}, {"granted_by": ["officer", "canary"]}, {"expires_at_us": 0}, {"ticket": ""}],
    ids=lambda changes: "-".join(changes),
)
def test_a_glass_that_does_not_hold_breaks_nothing(bundle: Bundle, keeper: GateKeeper, changes: dict[str, Any]) -> None:
    """Unless the question says so, two others broke it, it has not ended and there is a ticket."""
    question = BREAKS["deployment", "DEP-004"](bundle, good(bundle, "deployment"))
    assert keeper.ask(under_glass(question)).allowed
    assert keeper.ask(under_glass(question, **changes)).result.outcome == "deny"


def test_a_policy_that_breaks_more_than_may_be_broken_is_not_believed(bundle: Bundle) -> None:
    """Python holds the same conditions: an engine that lets a signature pass under a broken glass contradicts itself."""
    question = under_glass(BREAKS["promotion", "PRM-002"](bundle, good(bundle, "promotion")))
    name = "policies/lib/waivers/waivers.rego"
    careless = bundle.files[name].replace("true in {rule.waivable, rule.emergency}", 'rule.severity != "none"')
    forged = Bundle({**bundle.files, name: careless}).checked("a test")
    with pytest.raises(EngineFailure, match="waives PRM-002"):
        believed(EmbeddedEngine(forged).answer("promotion", question.as_json()).value, question, forged.rules["promotion"])
