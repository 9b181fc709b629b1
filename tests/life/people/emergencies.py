"""A home in which people break the glass."""

from __future__ import annotations

from pathlib import Path

from lifecycle.approvals.keys import create_key
from lifecycle.life.people.enrolment import enrol
from lifecycle.life.people.reviewing import sign_review
from lifecycle.records.gates import BREAK_GLASS
from tests.life.people.offices import Office

BREAKING = ("demo_risk_officer", "demo_second_officer")


class Emergency(Office):
    """The office, with a third risk officer who reviews, and a fourth who is in the model's team."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        create_key(self.people / "demo_reviewer.key")
        enrol(self.departments, "demo_reviewer", roles=("risk",), public_key=self.people / "demo_reviewer.pub")

    def broken(self) -> str:
        """Breaks the glass; returns the id of the event."""
        for person in BREAKING:
            self.sign(person, BREAK_GLASS, hours=4.0)
        (event,) = self.departments.ledger.events(types=("GlassBroken",))
        return event.event.id

    def review(self, event_id: str, person: str = "demo_reviewer") -> None:
        sign_review(
            self.departments, event_id, person=person, key_file=self.people / f"{person}.key", verdict="justified", reason="It burnt."
        )
