"""The people of the story: enrolled in the home, labelled as such, with keys that never leave it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lifecycle.life.people.enrolment import enrol
from lifecycle.wiring import Departments

#: id → (roles, teams, what the registry calls them). The engineer holds the role `risk` as well: the role is not what bars them.
PEOPLE = {
    "demo_engineer": (("engineer", "risk"), ("credit_modelling",), "Demo engineer (not a real person)"),
    "demo_risk_officer": (("risk",), (), "Demo risk officer (not a real person)"),
}


@dataclass(frozen=True)
class Cast:
    """Who acts, and where their private keys lie (0600, in the home)."""

    folder: Path
    engineer: str = "demo_engineer"
    officer: str = "demo_risk_officer"

    def key(self, person: str) -> Path:
        return self.folder / f"{person}.key"


def enrol_cast(departments: Departments) -> Cast:
    """Makes a key for each and enrols those who are not enrolled yet."""
    from lifecycle.approvals.keys import create_key

    cast = Cast(departments.folder("keys/people", 0o700))
    for person, (roles, teams, name) in PEOPLE.items():
        if not cast.key(person).exists():
            create_key(cast.key(person))
        enrol(departments, person, roles=roles, teams=teams, public_key=cast.key(person).with_suffix(".pub"), display_name=name)
    return cast
