"""Attack: what somebody signed is recorded as somebody else's word, for another version or place, or once more under another id."""

from __future__ import annotations

import pytest

from lifecycle.ledger.verifying.statement_check import StatementCheck
from lifecycle.records.bodies.decisions import WaiverSigned
from lifecycle.records.bodies.governors import GovernanceProposed, GovernanceSigned
from lifecycle.records.bodies.reviews import ReviewGiven
from lifecycle.records.bodies.revocations import Revocation
from lifecycle.records.events import Actor, Event
from lifecycle.records.identity import new_id
from tests.records.samples.happenings import happenings
from tests.records.samples.parts import of

SIGNED = [
    event.model_copy(update={"actor": Actor(id=event.body.statement.signer, kind="human", authenticated=True)})
    for event in happenings()
    if isinstance(event.body, WaiverSigned | ReviewGiven | GovernanceProposed | GovernanceSigned | Revocation)
    and event.body.statement is not None
]
(WAIVER,) = (event for event in SIGNED if event.type == "WaiverSigned")


def said_of(*events: Event) -> list[str]:
    """What verification says of these, one after the other."""
    check = StatementCheck()
    return [finding.what for index, event in enumerate(events) for finding in check.look_at(index, event)]


@pytest.mark.parametrize("event", SIGNED, ids=lambda event: event.type)
def test_what_is_recorded_as_it_was_signed_has_nothing_against_it(event: Event) -> None:
    """The steps of a life record it by whoever signed it."""
    assert said_of(event) == []


@pytest.mark.parametrize("authenticated", [True, False])
@pytest.mark.parametrize("event", SIGNED, ids=lambda event: event.type)
def test_what_somebody_else_signed_is_named(event: Event, authenticated: bool) -> None:
    """The log of a review or a revocation shows a person who never signed it."""
    liar = Actor(id="mallory", kind="human", authenticated=authenticated)
    (found,) = said_of(event.model_copy(update={"actor": liar}))
    assert "mallory" in found
    assert event.id in found


@pytest.mark.parametrize("event", SIGNED, ids=lambda event: event.type)
def test_what_is_recorded_once_more_is_named(event: Event) -> None:
    """One signature is one act, whatever id a second record of it has."""
    (found,) = said_of(event, event.model_copy(update={"id": new_id()}))
    assert "stands in record 0 already" in found


@pytest.mark.parametrize("other", [{"version": 9}, {"name": "other"}, {"digest": of("other bytes")}], ids=lambda fields: next(iter(fields)))
def test_a_waiver_for_another_version_is_named(other: dict[str, object]) -> None:
    """What was let pass for one version's bytes is filed under another's."""
    (found,) = said_of(WAIVER.model_copy(update={"subject": WAIVER.subject.model_copy(update=other)}))
    assert "but what was signed is about credit:2 in local by rita" in found


def test_a_waiver_for_another_place_is_named() -> None:
    """What was let pass in `local` is filed where customers are."""
    (found,) = said_of(WAIVER.model_copy(update={"environment": "production"}))
    assert "credit:2 in production" in found


def test_a_revocation_that_a_restore_recorded_once_more_is_no_lie() -> None:
    """The restore says that a service did it, and who signed stands in the envelope."""
    taken_back = next(event for event in SIGNED if isinstance(event.body, Revocation))
    assert said_of(taken_back.model_copy(update={"actor": Actor(id="command_line", kind="service")})) == []
