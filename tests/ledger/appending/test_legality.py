"""The ledger takes no event that the state of a version forbids."""

from __future__ import annotations

import pytest

from lifecycle.errors import IllegalTransition
from lifecycle.ledger.ledger import Ledger
from tests.ledger.happenings import evaluated, retired, revoked, trained
from tests.ledger.places import EVERY_DATABASE

pytestmark = EVERY_DATABASE


def test_what_can_not_happen_is_not_written(ledger: Ledger) -> None:
    """The error names the version and what could happen to it; the ledger is as it was."""
    ledger.append(trained(1))
    before = ledger.head()
    with pytest.raises(IllegalTransition) as illegal:
        ledger.append(retired(1))
    assert "credit:1 in local is trained" in illegal.value.what
    assert ledger.head() == before


def test_a_batch_is_judged_as_it_goes(ledger: Ledger) -> None:
    """What comes earlier in a batch counts, in every environment; one illegal event takes the whole batch with it."""
    with ledger.writing() as writer:
        writer.append_all([trained(1), evaluated(1), revoked(1, environment="production"), trained(2)])
    before = ledger.head()
    with pytest.raises(IllegalTransition), ledger.writing() as writer:
        writer.append_all([evaluated(2), revoked(1, environment="production")])
    assert ledger.head() == before


def test_a_retry_is_not_judged_again(ledger: Ledger) -> None:
    """The very same event once more is no second happening."""
    once = trained(1)
    assert ledger.append(once) == ledger.append(once)
