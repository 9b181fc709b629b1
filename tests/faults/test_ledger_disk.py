"""The disk under a SQLite ledger fails at each thing that is asked of it, one after the other: nothing that was acknowledged goes, nothing
stands in part, and the ledger goes on.
"""

from __future__ import annotations

import resource
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from lifecycle.errors import LifecycleError, Unavailable
from lifecycle.ledger.ledger import Ledger
from lifecycle.ledger.log_key.keys import create_log_key
from lifecycle.ledger.log_key.signing import sign_ledger
from lifecycle.ledger.looking import LookingLedger
from lifecycle.ledger.verifying.fsck import examine
from lifecycle.ledger.verifying.verification import verify_ledger
from lifecycle.proofs.notes import VerifierKey
from lifecycle.records.identity import commit
from tests.faults.failing_disk import KILLS, REFUSALS, Disk, Manner, failing
from tests.faults.ledger_deeds import DEEDS, SUBJECT, done, url_in
from tests.ledger.happenings import ORIGIN, happening, trained


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of a few records, signed once, to be copied for each fault."""
    folder = tmp_path_factory.mktemp("home")
    create_log_key(folder / "keys", ORIGIN)
    with Ledger.open(url_in(folder), origin=ORIGIN) as ledger:
        with ledger.writing() as writer:
            writer.append_all([trained(1), happening(0), happening(1)])
            writer.keep(commit("a value")[1], SUBJECT)
        sign_ledger(ledger.url, folder / "keys" / "ledger.key", ORIGIN)
        ledger.append(happening(2))
    return folder


def copy_of(home: Path, to: Path, deed: str) -> Path:
    """A copy of the home; for a ledger that is to be made, with the key alone."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(home, to, ignore=shutil.ignore_patterns("ledger.db*", "*.state", "checkpoint") if deed == "make" else None)
    return to


def require_whole(home: Path) -> int:
    """Everything holds, projections are what the leaves say, and it goes on: it takes an append and a signature. Its size before."""
    key = VerifierKey.parse((home / "keys" / "ledger.pub").read_text(encoding="utf-8"))
    with Ledger.open(url_in(home), origin=ORIGIN) as ledger:
        size = ledger.head().size
        assert examine(ledger.url).differences == ()
        ledger.append(happening(size))
    sign_ledger(url_in(home), home / "keys" / "ledger.key", ORIGIN)
    result = verify_ledger(url_in(home), key)
    assert (result.ok, result.level, result.unsigned) == (True, "L1", 0), result.findings
    return size


SIZES = {"make": {0}, "append": {4, 7}, "sign": {4}, "take_away": {4}}


@pytest.mark.slow
@pytest.mark.parametrize("manner", KILLS)
@pytest.mark.parametrize("deed", DEEDS)
def test_a_crash_at_each_write_leaves_the_ledger_whole(home: Path, tmp_path: Path, deed: str, manner: Manner) -> None:
    """Killed before or within each write, sync, truncation or deletion, or with what was not synced lost: all of it stands, or nothing."""
    asked = done(deed, copy_of(home, tmp_path / "counted", deed)).asked
    assert asked > 5
    for at in range(asked):
        here = copy_of(home, tmp_path / "here", deed)
        ending = done(deed, here, at, manner)
        assert ending.exit_code == -signal.SIGKILL, at
        size = require_whole(here)
        assert size in SIZES[deed], at
        assert not ending.acknowledged or size == max(SIZES[deed]), at


@pytest.mark.parametrize("manner", REFUSALS)
@pytest.mark.parametrize("deed", DEEDS)
def test_a_disk_that_refuses_any_write_is_said_to_and_leaves_the_ledger_whole(
    home: Path, tmp_path: Path, deed: str, manner: Manner
) -> None:
    """Full or broken at each single write: the deed is done all the same, or ends with an error of ours; and nothing stands in part."""
    counted = Disk()
    with failing(counted):
        DEEDS[deed](copy_of(home, tmp_path / "counted", deed), lambda: None)
    for at in range(0, len(counted.asked), 1 if len(counted.asked) < 60 else 3):
        here = copy_of(home, tmp_path / "here", deed)
        with failing(Disk(at, manner)), suppress(Unavailable):
            DEEDS[deed](here, lambda: None)
        assert require_whole(here) in SIZES[deed], at


@pytest.mark.slow
def test_without_syncs_the_same_loss_of_power_is_found(home: Path, tmp_path: Path) -> None:
    """The fault is one that can do harm: a ledger that did not wait for its disk loses what it had acknowledged, or its wholeness."""
    harmed = 0
    for at in range(done("append_without_syncs", copy_of(home, tmp_path / "counted", "append")).asked):
        here = copy_of(home, tmp_path / "here", "append")
        acknowledged = done("append_without_syncs", here, at, "power lost").acknowledged
        try:
            harmed += require_whole(here) != 7 and acknowledged
        except (AssertionError, LifecycleError):
            harmed += 1
    assert harmed


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux can take the disk from a running process")
def test_a_file_that_may_not_grow_refuses_the_append_and_loses_nothing(home: Path, tmp_path: Path) -> None:
    """The same from outside, by the system itself: no file of the process may grow, until there is room again."""
    here = copy_of(home, tmp_path / "here", "append")
    script = f"""
import resource, sys
from lifecycle.errors import Unavailable
from lifecycle.ledger.ledger import Ledger
from tests.ledger.happenings import ORIGIN, happening
with Ledger.open({url_in(here)!r}, origin=ORIGIN) as ledger:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        ledger.append(happening(7))
    except Unavailable as error:
        sys.stdout.write(error.what)
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert ledger.append(happening(8)).index == 4
"""
    repository = Path(__file__).resolve().parents[2]
    ended = subprocess.run([sys.executable, "-c", script], cwd=repository, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "The disk of the ledger" in ended.stdout
    assert require_whole(here) == 5


def test_a_file_that_can_not_be_written_is_read_and_takes_nothing(home: Path, tmp_path: Path) -> None:
    """Everything can be looked at and proven; an append is refused and says why."""
    here = copy_of(home, tmp_path / "here", "append")
    key = VerifierKey.parse((here / "keys" / "ledger.pub").read_text(encoding="utf-8"))
    with failing(Disk(closed="file")), Ledger.open(url_in(here), origin=ORIGIN) as ledger:
        assert (len(ledger.events()), ledger.proof(0).index) == (4, 0)
        assert verify_ledger(ledger.url, key).ok
        with pytest.raises(Unavailable, match="can't be written") as error:
            ledger.append(happening(9))
        assert "write access" in error.value.next_step
    assert require_whole(here) == 4


def test_a_medium_that_can_not_be_written_is_verified_and_takes_nothing(home: Path, tmp_path: Path) -> None:
    """Not even the files beside the database can be made: who looks and who verifies gets an answer all the same, whoever they are."""
    here = copy_of(home, tmp_path / "here", "append")
    key = VerifierKey.parse((here / "keys" / "ledger.pub").read_text(encoding="utf-8"))
    with failing(Disk(closed="medium")):
        with LookingLedger(url_in(here), origin=ORIGIN) as looking:
            assert len(looking.events()) == 4
        assert verify_ledger(url_in(here), key).ok
        with pytest.raises(Unavailable) as error, Ledger.open(url_in(here), origin=ORIGIN) as ledger:
            ledger.append(happening(9))
        assert error.value.next_step
    assert require_whole(here) == 4
