"""A folder and a git remote as anchors: what they hold is never written again, and a ledger with another past is refused."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle.anchors.anchor import Anchor, Submission
from lifecycle.anchors.folder import FolderAnchor
from lifecycle.anchors.git import GitAnchor
from lifecycle.errors import Tampered, Unavailable
from lifecycle.proofs.notes import SigningKey
from tests.witness.logs import LOG, GrowingLog

Make = Callable[[], Anchor]


@pytest.fixture
def remote(tmp_path: Path, tool: Callable[[str], str]) -> Path:
    folder = tmp_path / "remote.git"
    subprocess.run((tool("git"), "init", "--quiet", "--bare", str(folder)), check=True, timeout=60)
    return folder


@pytest.fixture(params=["folder", "git"])
def make(request: pytest.FixtureRequest, tmp_path: Path, remote: Path) -> Make:
    """Makes the anchor anew each time: it remembers nothing by itself."""
    if request.param == "folder":
        return lambda: FolderAnchor("archive", tmp_path / "archive")
    return lambda: GitAnchor("auditor", str(remote), "ledger", tmp_path / "clone.git")


def submission(log: GrowingLog, size: int) -> Submission:
    return Submission(log.note(size), lambda old: log.tree.consistency_path(old, size))


def kept(anchor: Anchor) -> str | None:
    """The latest note that an anchor holds."""
    assert isinstance(anchor, FolderAnchor | GitAnchor)
    if isinstance(anchor, GitAnchor):
        return anchor.latest(LOG.name)
    notes = anchor.notes(LOG.name)
    return notes[-1] if notes else None


def test_an_anchor_keeps_every_note_as_the_log_grows(make: Make) -> None:
    """The latest one is what was taken last."""
    log = GrowingLog(30)
    for size in (1, 2, 7, 30):
        make().take(submission(log, size))
        assert kept(make()) == log.note(size)


def test_the_same_note_again_changes_nothing(make: Make) -> None:
    """An anchor that was asked twice answers twice."""
    log = GrowingLog(3)
    first, second = make().take(submission(log, 3)), make().take(submission(log, 3))
    assert first.receipt == second.receipt


@pytest.mark.parametrize("size", [5, 9])
def test_a_log_with_another_past_is_refused(make: Make, size: int) -> None:
    """Grown or not; what the anchor holds stays."""
    honest, forged = GrowingLog(9), GrowingLog(9, past="forged")
    make().take(submission(honest, 5))
    with pytest.raises(Tampered, match="does not continue what the anchor"):
        make().take(submission(forged, size))
    assert kept(make()) == honest.note(5)


def test_a_log_whose_tail_was_dropped_is_refused(make: Make) -> None:
    """The anchor has seen more."""
    log = GrowingLog(9)
    make().take(submission(log, 9))
    with pytest.raises(Tampered, match="its tail was dropped"):
        make().take(submission(log, 5))


def test_two_logs_do_not_mix(make: Make) -> None:
    """Each has a folder of its own there."""
    make().take(submission(GrowingLog(9), 9))
    make().take(submission(GrowingLog(2, key=SigningKey("example.org/other", bytes(32))), 2))
    assert kept(make()) == GrowingLog(9).note(9)


def test_a_folder_that_cant_be_written_does_not_answer(tmp_path: Path) -> None:
    """A file lies where it should be."""
    (tmp_path / "archive").write_text("", encoding="utf-8")
    with pytest.raises(Unavailable, match="archive"):
        FolderAnchor("archive", tmp_path / "archive").take(submission(GrowingLog(1), 1))


def test_a_remote_that_is_not_there_does_not_answer(tmp_path: Path, tool: Callable[[str], str]) -> None:
    """It is not taken for an empty one."""
    tool("git")
    with pytest.raises(Unavailable, match="The git remote of the anchor auditor does not answer"):
        GitAnchor("auditor", str(tmp_path / "nowhere.git"), "ledger", tmp_path / "clone.git").take(submission(GrowingLog(1), 1))


def test_a_lost_clone_costs_nothing(tmp_path: Path, remote: Path) -> None:
    """What counts lies at the remote: another machine goes on from there, and every note has its commit."""
    log = GrowingLog(9)
    GitAnchor("auditor", str(remote), "ledger", tmp_path / "one.git").take(submission(log, 4))
    GitAnchor("auditor", str(remote), "ledger", tmp_path / "two.git").take(submission(log, 9))
    listed = subprocess.run(
        ("git", "--git-dir", str(remote), "log", "--format=%s", "ledger"), capture_output=True, text=True, check=True, timeout=60
    )
    assert listed.stdout.split("\n")[:2] == [f"{LOG.name}: 9 records", f"{LOG.name}: 4 records"]
    names = subprocess.run(
        ("git", "--git-dir", str(remote), "ls-tree", "-r", "--name-only", "ledger"), capture_output=True, text=True, check=True, timeout=60
    )
    assert [name.rpartition("/")[2] for name in names.stdout.split()] == ["000000000004.note", "000000000009.note", "latest.note"]


def test_a_branch_that_was_forced_back_is_gone_on_from(tmp_path: Path, remote: Path) -> None:
    """The anchor never forces; a remote that somebody emptied gets the ledger as it is now, in a history of its own."""
    log, anchor = GrowingLog(9), GitAnchor("auditor", str(remote), "ledger", tmp_path / "clone.git")
    anchor.take(submission(log, 4))
    subprocess.run(("git", "--git-dir", str(remote), "update-ref", "-d", "refs/heads/ledger"), check=True, timeout=60)
    anchor.take(submission(log, 9))
    assert anchor.latest(LOG.name) == log.note(9)


def test_a_note_that_was_changed_in_the_folder_is_named(tmp_path: Path) -> None:
    """What lies there and is no note is not passed over."""
    anchor = FolderAnchor("archive", tmp_path / "archive")
    anchor.take(submission(GrowingLog(3), 3))
    (note,) = (tmp_path / "archive").rglob("*.note")
    note.write_text("hello", encoding="utf-8")
    with pytest.raises(Tampered, match="no note"):
        anchor.take(submission(GrowingLog(5), 5))
