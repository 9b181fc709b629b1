"""What people are told where a gate denies."""

from __future__ import annotations

import pytest

from lifecycle.errors import Refused
from lifecycle.life.gates.asking import require_allowed
from lifecycle.records.gates import Decision
from tests.records.samples.judging import PROMOTION, decision


def denied(**violation: str) -> Decision:
    """A denial by one rule, whose violation says this."""
    made = decision("promotion", PROMOTION)
    broken = made.result.violations[0].model_copy(update=violation)
    return made.model_copy(update={"result": made.result.model_copy(update={"outcome": "deny", "violations": (broken,)})})


def test_a_denial_tells_what_was_observed_beside_the_limit() -> None:
    """Nobody has to look the numbers up to know how far off they were."""
    with pytest.raises(Refused) as refused:
        require_allowed(denied(subject="auc", observed="0.75", limit="0.76"), "credit:2")
    told = refused.value.what
    assert told == "credit:2 was denied by the gate promotion: EVAL-AUC the AUC is below its limit (auc: 0.75, limit 0.76)."


@pytest.mark.parametrize("violation", [{"observed": "", "limit": ""}, {"observed": str(list(range(100))), "limit": "[]"}])
def test_a_rule_without_a_number_is_told_in_words_alone(violation: dict[str, str]) -> None:
    """Nor does a long list fill the line: `policy explain` has it."""
    with pytest.raises(Refused) as refused:
        require_allowed(denied(subject="auc", **violation), "credit:2")
    assert refused.value.what == "credit:2 was denied by the gate promotion: EVAL-AUC the AUC is below its limit."
