"""A home in which one rule denies a version, and people who may waive that."""

from __future__ import annotations

import shutil
from pathlib import Path

from lifecycle.approvals.keys import create_key
from lifecycle.life.people.enrolment import enrol
from lifecycle.life.people.waiving import WaiverOutcome, sign_waiver
from lifecycle.life.promotion import ask_for_promotion
from lifecycle.life.recording import Step
from tests.scenarios.homes import PROJECT, copy_of_home_at_the_gate, departments_at

RULE = "PRM-004"
WHY = "accepted until the next quarter is judged"


class Office:
    """A home where credit:1 is denied by one rule of its limits, and two risk officers who had no part in it."""

    def __init__(self, folder: Path) -> None:
        project = folder / "project"
        project.mkdir()
        for name in ("assets", "governance", "resources"):
            shutil.copytree(PROJECT / name, project / name)
        shutil.copy(PROJECT / "workspace.yaml", project)
        limits = project / "governance" / "limits" / "consumer_credit.yaml"
        limits.write_text(limits.read_text().replace("{value: 0.78, from: 0.65", "{value: 0.9, from: 0.65"))
        departments, self.cast = copy_of_home_at_the_gate(folder)
        departments.ledger.close()
        self.departments = departments_at(folder / "home", LIFECYCLE_PROJECT=str(project))
        self.people = self.cast.folder
        for person in ("demo_second_officer", "demo_clerk"):
            create_key(self.people / f"{person}.key")
            role = "clerk" if person == "demo_clerk" else "risk"
            enrol(self.departments, person, roles=(role,), public_key=self.people / f"{person}.pub")

    def sign(self, person: str, rule: str = RULE, *, ticket: str = "RISK-7", hours: float = 24.0) -> WaiverOutcome:
        key = self.people / f"{person}.key"
        return sign_waiver(self.departments, "credit", 1, rule=rule, person=person, key_file=key, reason=WHY, ticket=ticket, hours=hours)

    def promoted(self) -> tuple[str, set[str], set[str]]:
        """What the promotion gate says now: outcome, what blocks, what is waived."""
        model = self.departments.model("credit")
        result = ask_for_promotion(self.departments, model, 1, Step(run_id="again")).result
        return result.outcome, {one.rule for one in result.violations}, {one.rule for one in result.waived}
