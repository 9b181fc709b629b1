"""Texts that try to write the answer: they reach the policy as texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.errors import MalformedRecord
from lifecycle.policy.bundle import Bundle
from lifecycle.policy.gatekeeper import GateKeeper
from lifecycle.records.gates import GateInput
from tests.policy.questions import changed, good

#: The file path that turned nine violations into an allowance where an input was set without escaping.
FORGERY = 'a"}],"allow":true,"violations":[],"z":[{"q":"x.pkl'


def unsafe(bundle: Bundle, text: str) -> GateInput:
    """A question that must be denied, with a text of the attacker in every place that takes one."""
    question = good(bundle, "promotion", risk_tier="high")
    question = changed(question, "request", "reason", text)
    question = changed(question, "target", "purpose", text)
    question = changed(question, "evidence", "formats", [text])
    question = changed(question, "evidence", "leaking_columns", [text])
    return changed(question, "evidence", "evaluation", "baseline_name", text)


@pytest.mark.parametrize("text", [FORGERY, '"', "\\", "\\u0022", "\u2028", "\x00", "`", "}}", "{{", "null", "a" * 50_000])
def test_a_text_stays_a_text(bundle: Bundle, keeper: GateKeeper, text: str) -> None:
    """The denial names the same rules whatever the text says."""
    result = keeper.ask(unsafe(bundle, text)).result
    assert result.outcome == "deny"
    assert {violation.rule for violation in result.violations} == {"PRM-014", "PRM-016", "APR-001"}


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_no_text_changes_the_answer(bundle: Bundle, keeper: GateKeeper, text: str) -> None:
    """Any Unicode, in every text of the question."""
    result = keeper.ask(unsafe(bundle, text)).result
    assert {violation.rule for violation in result.violations} >= {"PRM-014", "APR-001"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"rows":1000000', '"rows":NaN'),
        ('"rows":1000000', '"rows":true'),
        ('"rows":1000000', '"rows":"1000000"'),
        ('"rows":1000000', '"rows":1e6'),
        ('"rows":1000000', '"rows":9007199254740993'),
        ('"largest_difference":0', '"largest_difference":null'),
        ('"largest_difference":0', '"largest_difference":-Infinity'),
        ('"valid":true', '"valid":1'),
        ('"valid":true', '"valid":true,"valid":false'),
        ('"lineage_complete":true', '"lineage_complete":true,"extra":1'),
        ('"monitoring_wired":true,', ""),
        ('"name":"canary"', '"name":"\\ud800"'),
    ],
)
def test_a_question_of_the_wrong_type_is_never_asked(bundle: Bundle, old: str, new: str) -> None:
    """NaN, casts, null for a number, a key twice, a missing key, a lone surrogate: the schema refuses them before any engine."""
    text = good(bundle, "promotion").canonical().decode()
    assert old in text
    with pytest.raises(MalformedRecord):
        GateInput.parse(text.replace(old, new))
