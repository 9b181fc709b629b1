"""A git remote as an anchor: every ledger checkpoint is a commit on a branch that is never forced.

Everybody who has fetched the branch holds what it said. Give the operator of the ledger the right to push and not to force: most servers
can refuse that, and any clone shows it.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from lifecycle.anchors.anchor import Seen, Submission, require_continued
from lifecycle.anchors.shelf import log_folder, note_name
from lifecycle.errors import LifecycleError, Tampered, Unavailable
from lifecycle.proofs.notes import Checkpoint

#: How long one call of git may take, in seconds.
PATIENCE_SECONDS = 60.0
_LATEST = "latest.note"
_COMMIT = re.compile(r"[0-9a-f]{40,64}")
#: Remote helpers such as `ext::` run any command; these do not.
_PROTOCOLS = "file:git:http:https:ssh"


@dataclass(frozen=True)
class GitAnchor:
    """A branch of a remote. `clone` is a bare repository of this home in which commits are made; it may be lost."""

    name: str
    remote: str
    branch: str
    clone: Path
    kind: ClassVar[Literal["git"]] = "git"

    def take(self, submission: Submission) -> Seen:
        """Commits the note on what the branch holds, and pushes it. The time is this machine's: a commit says what it is told."""
        checkpoint = submission.checkpoint
        folder = log_folder(checkpoint.origin)
        if not (self.clone / "HEAD").exists():
            _git("init", "--quiet", "--bare", str(self.clone))
        tip = self._fetched()
        held = None if tip is None else self._read(tip, f"{folder}/{_LATEST}")
        if held is not None:
            require_continued(_parsed(held, self.name), submission, self.name)
        if held == submission.note and tip is not None:
            return self._seen(tip)
        commit = self._commit(tip, {f"{folder}/{name}": submission.note for name in (_LATEST, note_name(checkpoint))}, checkpoint)
        self._here("push", "--quiet", "--", self.remote, f"{commit}:refs/heads/{self.branch}")
        return self._seen(commit)

    def latest(self, origin: str) -> str | None:
        """The latest note of a log on the branch, fetched now; None where there is none."""
        if not (self.clone / "HEAD").exists():
            _git("init", "--quiet", "--bare", str(self.clone))
        tip = self._fetched()
        return None if tip is None else self._read(tip, f"{log_folder(origin)}/{_LATEST}")

    def _fetched(self) -> str | None:
        """The commit that the branch is at; None where the remote answers and has no such branch."""
        listed = self._here("ls-remote", "--", self.remote, f"refs/heads/{self.branch}").split()
        if not listed:
            return None
        self._here("fetch", "--quiet", "--no-tags", "--", self.remote, f"+refs/heads/{self.branch}:refs/anchored/{self.branch}")
        return self._here("rev-parse", "--verify", f"refs/anchored/{self.branch}").strip()

    def _read(self, commit: str, path: str) -> str | None:
        if not self._here("ls-tree", commit, "--", path):
            return None
        return self._here("cat-file", "blob", f"{commit}:{path}")

    def _commit(self, tip: str | None, files: Mapping[str, str], checkpoint: Checkpoint) -> str:
        index = self.clone / f"anchoring-{os.getpid()}.index"
        beside = {"GIT_INDEX_FILE": str(index)}
        try:
            if tip is not None:
                self._here("read-tree", tip, more=beside)
            for path, content in files.items():
                blob = self._here("hash-object", "-w", "--stdin", told=content).strip()
                self._here("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", more=beside)
            tree = self._here("write-tree", more=beside).strip()
        finally:
            index.unlink(missing_ok=True)
        parents = () if tip is None else ("-p", tip)
        said = f"{checkpoint.origin}: {checkpoint.size} records\n"
        commit = self._here("commit-tree", tree, *parents, told=said, more=_AUTHOR).strip()
        if not _COMMIT.fullmatch(commit):
            raise Unavailable(f"git made no commit for the anchor {self.name}: {commit[:100]!r}.", "Look at what git says there.")
        return commit

    def _seen(self, commit: str) -> Seen:
        return Seen(time.time_ns() // 1_000, f"{self.remote} {self.branch} {commit}".encode())

    def _here(self, *arguments: str, told: str = "", more: Mapping[str, str] | None = None) -> str:
        try:
            return _git("--git-dir", str(self.clone), *arguments, told=told, more=more)
        except Unavailable as error:
            raise Unavailable(f"The git remote of the anchor {self.name} does not answer: {error.what}", error.next_step) from error


_AUTHOR = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "lifecycle"), ("EMAIL", "lifecycle@localhost"))
}


def _git(*arguments: str, told: str = "", more: Mapping[str, str] | None = None) -> str:
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": _PROTOCOLS, "LC_ALL": "C", **(more or {})}
    try:
        ended = subprocess.run(
            ("git", *arguments), input=told, capture_output=True, text=True, env=environment, timeout=PATIENCE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeError) as error:
        raise Unavailable(f"{error}.", "Install git, or check the remote.") from error
    if ended.returncode != 0:
        said = ended.stderr.strip().splitlines()
        raise Unavailable(f"{said[-1] if said else 'git said nothing'}.", "Check the remote, and that this user may push to it.")
    return ended.stdout


def _parsed(note: str, anchor: str) -> Checkpoint:
    try:
        return Checkpoint.parse(note)
    except LifecycleError as error:
        raise Tampered(f"The anchor {anchor} holds something that is no note.", "Find out who wrote that branch.") from error
