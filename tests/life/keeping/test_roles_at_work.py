"""What the how-to of a ledger on Postgres promises each role, done by that role from its first step to its last."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lifecycle.errors import Unavailable
from lifecycle.ledger.storage.roles import Roles, apply
from lifecycle.ledger.verifying.mending import mend
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.life.keeping.backing_up import back_up
from lifecycle.life.keeping.erasure import erase
from lifecycle.life.keeping.restoring import restore
from lifecycle.life.keeping.retention import prune
from lifecycle.life.people.enrolment import enrol
from lifecycle.wiring import Departments
from tests.ledger.places import POSTGRES_ONLY, PostgresPlace, place, server
from tests.life.restorable import REASON, RestorableHome, findings, restorable
from tests.scenarios.homes import departments_at

__all__ = ["place", "restorable", "server"]

pytestmark = POSTGRES_ONLY

NAMED = Roles(app="ledger_app", signer="ledger_signer", keeper="ledger_keeper", reader="ledger_reader")
#: How an administrator acts as the owner, whom nobody logs in as.
AS_OWNER = "options=-c%20role%3Dledger_owner"
PERSON = "ann"


class PartedHome(RestorableHome):
    """A home whose ledger's roles were taken apart; each command connects as one of them."""

    def __init__(self, folder: Path, place: PostgresPlace) -> None:
        super().__init__(folder, place)
        apply(place.url, NAMED, origin=self.departments.settings.origin)

    def as_role(self, role: str | None) -> Departments:
        """The departments of a command that connects as this role."""
        return self._at(self.place.url.replace("//ledger@", f"//{role}@"))

    @property
    def as_owner(self) -> Departments:
        """Those of an administrator who acts as the owner."""
        return self._at(self.place.url + ("&" if "?" in self.place.url else "?") + AS_OWNER)

    def _at(self, url: str) -> Departments:
        self.close()
        self._made.append(departments_at(self.home, LIFECYCLE_LEDGER_URL=url))
        return self._made[-1]


@pytest.fixture
def parted(tmp_path: Path, place: PostgresPlace) -> Iterator[PartedHome]:
    with closing(PartedHome(tmp_path, place)) as home:
        yield home


def openings(parted: PartedHome) -> list[tuple[object, ...]]:
    return parted.place.fetch("SELECT value FROM openings")


def file_of_openings(parted: PartedHome) -> list[tuple[object, ...]]:
    return parted.place.fetch("SELECT pg_relation_filenode('openings')")


def test_the_keeper_erases_to_the_end(parted: PartedHome) -> None:
    """The value is gone, its table is in another file, the ledger says so, and the next erasure finds nothing to finish."""
    before = file_of_openings(parted)
    done = erase(parted.as_role(NAMED.keeper), PERSON, reason="Request 4711.")
    assert (done.openings, len(done.indexes)) == (1, 1)
    assert openings(parted) == []
    assert file_of_openings(parted) != before
    parted.sign()
    assert findings(parted) == []
    enrol(parted.as_role(NAMED.app), "bo", display_name="Bo Other")
    assert erase(parted.as_role(NAMED.keeper), "bo", reason="Request 4712.").finished == ()


@pytest.mark.parametrize("role", [NAMED.app, NAMED.signer, NAMED.reader])
def test_a_role_that_can_not_finish_an_erasure_begins_none(parted: PartedHome, role: str) -> None:
    """Nothing is gone, no intent lies there, and the keeper is not kept waiting."""
    with pytest.raises(Unavailable, match="may not erase") as caught:
        erase(parted.as_role(role), PERSON, reason="Request 4711.")
    assert "keeper" in caught.value.next_step
    assert len(openings(parted)) == 1
    assert erase(parted.as_role(NAMED.keeper), PERSON, reason="Request 4711.", dry_run=True).person == PERSON
    assert erase(parted.as_role(NAMED.keeper), PERSON, reason="Request 4711.").finished == ()


def test_the_keeper_prunes_by_the_signers_latest_checkpoint(parted: PartedHome) -> None:
    """Nothing is past its retention; all that pruning asks for is the keeper's."""
    assert prune(parted.as_role(NAMED.keeper)).prunings == ()


def test_the_keeper_mends_projections(parted: PartedHome) -> None:
    """Head, streams and states are written anew as the keeper."""
    parted.place.tamper("DELETE FROM streams")
    departments = parted.as_role(NAMED.keeper)
    assert mend(departments.settings.ledger_url).differences
    assert findings(parted) == []


def test_the_owner_mends_columns(parted: PartedHome) -> None:
    """Which the keeper may not: a column is beside what was recorded."""
    parted.place.tamper("UPDATE events SET subject_name = 'other' WHERE leaf_index = 2")
    with pytest.raises(Unavailable, match="may not do this"):
        mend(parted.as_role(NAMED.keeper).settings.ledger_url)
    assert findings(parted)
    mend(parted.as_owner.settings.ledger_url)
    assert findings(parted) == []


def test_the_reader_s_right_is_enough_for_a_backup_and_the_owner_restores_it(parted: PartedHome, tmp_path: Path) -> None:
    """What was erased since is erased again, and the roles are what they were."""
    file = tmp_path / "backup.db"
    backed_up = back_up(parted.as_role(NAMED.signer), file)
    erase(parted.as_role(NAMED.keeper), PERSON, reason="Request 4711.")
    parted.sign()
    with pytest.raises(Unavailable):
        restore(parted.as_role(NAMED.keeper), file, reason=REASON)
    done = restore(parted.as_owner, file, reason=REASON)
    assert (done.backup_size, done.repeated) == (backed_up.size, ("SubjectErased",))
    assert openings(parted) == []
    result = verify_ledger(parted.place.url, parted.departments.ledger_key, done.note)
    assert result.findings == ()
    enrol(parted.as_role(NAMED.app), "bo", display_name="Bo Other")
    assert erase(parted.as_role(NAMED.keeper), "bo", reason="Request 4712.").openings == 1
