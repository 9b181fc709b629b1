"""What an explanation says against a version that a gate decided on."""

from __future__ import annotations

import pytest

from lifecycle.errors import Tampered
from lifecycle.lineage.explaining.allowing import decided
from lifecycle.lineage.explaining.chain import Found, NotFound, Store
from lifecycle.records.bodies.decisions import DecisionMade
from lifecycle.records.gates import Outcome
from lifecycle.records.record import Digest, digest_of
from tests.lineage import lives
from tests.lineage.in_memory import Ledger


@pytest.mark.parametrize(("outcome", "said"), [("needs_approval", "no violation"), ("deny", "1 violation")])
def test_what_people_have_not_answered_yet_is_no_violation(outcome: Outcome, said: str) -> None:
    """A decision that waits for people lists a rule that no model broke; one that denies lists what was."""
    ledger = Ledger()
    lives.decided(ledger, "promotion-1", lives.promotion(1), "deny", 1)
    (recorded,) = ledger.recorded
    body = recorded.event.body
    assert isinstance(body, DecisionMade)
    result = body.decision.result.model_copy(update={"outcome": outcome})
    found = Found(0, recorded.event, body.model_copy(update={"decision": body.decision.model_copy(update={"result": result})}))
    assert (decided(found, "allowed", "promotion decision").detail or "").endswith(f"1 rules, {said}")


def test_why_an_edge_is_missing_ends_without_a_full_stop() -> None:
    """It stands within a sentence that ends with one of its own."""

    def altered(digest: Digest) -> bytes:
        raise Tampered("The bytes are others.", "Restore them.")

    with pytest.raises(NotFound) as said:
        Store(lambda digest: True, altered).require(digest_of(b"model"), "the manifest")
    assert str(said.value).endswith("does not hold: The bytes are others")
