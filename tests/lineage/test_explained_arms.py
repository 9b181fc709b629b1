"""Whichever way an answer came to be, it is told, and followed to what allowed it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lineage.explained import Case, life, row, sealed


@pytest.mark.parametrize(
    ("changed", "said", "by"),
    [
        ({"arm": "shadow", "shadow_of": "prediction-0"}, "by a shadow, to nobody", "shadow with"),
        ({"arm": "holdout"}, "by the hold-out", "hold-out, a champion before"),
        ({"arm": "backup", "fallback_from": 3}, "in the place of version 3", "backup, itself a champion"),
        ({"arm": "backup", "fallback_from": 3, "asked_model": "large"}, "in the place of version 3 of large", "backup, itself a champion"),
        ({"arm": "backup", "fallback_from": 1, "cached": True}, "as it was said before of the same values", "backup, itself a champion"),
    ],
)
def test_whichever_way_an_answer_came_is_told(changed: dict[str, Any], said: str, by: str) -> None:
    """A shadow's row, one of the hold-out and one of a tier are followed to what allowed them, as any other."""
    ledger = life()
    del ledger.recorded[-1]
    sealed(ledger, **changed)
    found = Case(ledger=ledger, row=row(**changed)).explained()
    assert said in found.steps[0].detail
    route = next(step for step in found.steps if step.edge == "route")
    assert by in route.what
    assert not found.missing
