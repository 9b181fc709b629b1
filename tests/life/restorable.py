"""A home whose ledger is on either database, to be backed up and restored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lifecycle.ledger.log_key.signing import sign_ledger
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.life.people.enrolment import enrol
from lifecycle.wiring import Departments
from tests.ledger.happenings import trained
from tests.ledger.places import Place
from tests.scenarios.homes import departments_at

REASON = "The disk of the ledger failed."


class RestorableHome:
    """A ledger that somebody is enrolled in, in a place; every step makes fresh departments, as every command does."""

    def __init__(self, folder: Path, place: Place) -> None:
        self.home, self.place = folder / "home", place
        self._made: list[Departments] = []
        enrol(self.departments, "ann", display_name="Ann Quillfeather-Ahornblatt")
        self.happen(3)

    @property
    def departments(self) -> Departments:
        """Fresh ones; those before have given their connections back."""
        self.close()
        self._made.append(departments_at(self.home, LIFECYCLE_LEDGER_URL=self.place.url))
        return self._made[-1]

    def close(self) -> None:
        """Gives every connection back."""
        while self._made:
            made = self._made.pop()
            if "ledger" in vars(made):
                made.ledger.close()

    def happen(self, times: int) -> str:
        """So many records more, signed; returns the note."""
        departments = self.departments
        with departments.ledger.writing() as writer:
            first = writer.next_version("fraud")
            writer.append_all([trained(first + number, model="fraud") for number in range(times)])
        return self.sign()

    def sign(self) -> str:
        """In this process, which is quicker than the signer's own."""
        departments = self.departments
        _ = departments.ledger_key
        settings = departments.settings
        return sign_ledger(settings.ledger_url, self.home / "keys" / "ledger.key", settings.origin)


@pytest.fixture
def restorable(tmp_path: Path, place: Place) -> Iterator[RestorableHome]:
    made = RestorableHome(tmp_path, place)
    yield made
    made.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "elsewhere" / "backup.db"


def findings(restorable: RestorableHome, held: str | None = None) -> list[str]:
    departments = restorable.departments
    result = verify_ledger(departments.settings.ledger_url, departments.ledger_key, held)
    return [found.what for found in result.findings]
