"""The gateway's folder: one name for each file, and sockets that fit into an address."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lifecycle import durable
from lifecycle.errors import Unavailable
from lifecycle.records.record import Digest

#: What the address of a unix socket holds on every system (104 on macOS, 108 on Linux, with the closing zero).
LONGEST_SOCKET_PATH = 100


@dataclass(frozen=True)
class GatewayFolder:
    """Everything that a gateway keeps. Only its own user can read it."""

    path: Path

    @property
    def lock(self) -> Path:
        return self.path / "gateway.lock"

    @property
    def address(self) -> Path:
        """Where the running gateway wrote its process id and URL."""
        return self.path / "gateway.json"

    @property
    def journal(self) -> Path:
        return self.path / "journal.jsonl"

    @property
    def port(self) -> Path:
        """Where it listened last."""
        return self.path / "port"

    @property
    def routes(self) -> Path:
        return self.path / "routes.bin"

    @property
    def packages(self) -> Path:
        return self.path / "packages"

    @property
    def predictions(self) -> Path:
        return self.path / "predictions"

    @property
    def refused_events(self) -> Path:
        """Events that the ledger will never take: set aside for whoever investigates."""
        return self.path / "refused-events.jsonl"

    @property
    def used_decisions(self) -> Path:
        """The decisions that allowed a rollout here. It outlives the journal."""
        return self.path / "used-decisions"

    @property
    def mailbox(self) -> Path:
        """Where requests come by from other machines, if it takes any."""
        return self.path / "mailbox"

    @property
    def told_events(self) -> Path:
        """What a cluster's controller has told of rollouts, by the id of the event. It outlives the journal."""
        return self.path / "told-events"

    @property
    def withdrawals(self) -> Path:
        """What was allowed and may not serve any more. It outlives the journal."""
        return self.path / "withdrawals.json"

    @property
    def access_book(self) -> Path:
        """Who may ask here, as it was last read from the ledger, with the proofs."""
        return self.path / "access.json"

    @property
    def refusals(self) -> Path:
        """The log of refused requests."""
        return self.path / "refusals"

    @property
    def access_log(self) -> Path:
        """Lines about requests, where they are asked for."""
        return self.path / "access-log"

    @property
    def gauges(self) -> Path:
        """What the controller has made of rollouts, for the metrics."""
        return self.path / "rollouts.json"

    @property
    def repeated_keys(self) -> Path:
        """Which callers have had a bad event while a version was being rolled out, as hashes."""
        return self.path / "repeated-keys.bin"

    def quotas(self, worker: int) -> Path:
        return self.path / f"quotas-{worker}.bin"

    def counters(self, worker: int) -> Path:
        return self.path / f"counters-{worker}.bin"

    @property
    def all_counters(self) -> tuple[Path, ...]:
        """Those of every worker that there ever was: of fewer than before, too."""
        return tuple(sorted(self.path.glob("counters-*.bin")))

    def package(self, model: str, version: int, digest: Digest) -> Path:
        """The folder of one version's files, its signature and the order that allows it. Two versions never share one."""
        return self.packages / f"{model}-{version}-{digest.removeprefix('sha256:')}"

    def socket(self, name: str) -> Path:
        """Where a unix socket lies: here, or in a short private folder where this path is too long for an address.

        Both ends compute the same path. Raises Unavailable where that folder belongs to somebody else.
        """
        here = self.path / f"{name}.sock"
        if len(os.fsencode(here)) <= LONGEST_SOCKET_PATH:
            return here
        short = hashlib.sha256(os.fsencode(self.path.resolve())).hexdigest()[:16]
        private = Path(tempfile.gettempdir()) / f"lifecycle-{os.getuid()}-{short}"
        private.mkdir(mode=0o700, exist_ok=True)
        found = private.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise Unavailable(
                f"{private} belongs to somebody else or is open to others, so no socket can lie there.",
                "Remove it, or set LIFECYCLE_HOME to a shorter path.",
            )
        return private / f"{name}.sock"

    def make(self) -> None:
        """Makes the folder and what lies in it. Raises Unavailable where it can't be written."""
        try:
            for part in (self.path, self.packages, self.predictions, self.refusals, self.access_log):
                part.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise Unavailable(
                f"The gateway's folder {self.path} can't be written: {error.strerror}.",
                "Give yourself write access to it, or set LIFECYCLE_HOME to a folder that you can write.",
            ) from error

    def take_lock(self) -> int:
        """Takes the lease of this folder; the descriptor holds it until it is closed, or its process dies.

        Raises Unavailable where another gateway holds it: two controllers must never act on one set of routes.
        """
        descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise Unavailable(
                f"A gateway runs on {self.path} already.",
                "Use that one (`lifecycle gateway status`), or stop it: `lifecycle gateway stop`.",
            ) from error
        return descriptor


def write_durably(path: Path, content: bytes) -> None:
    """Replaces a file so that after a crash there is either the old or the new content, whole. Raises Unavailable."""
    try:
        durable.replace(path, content)
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> Unavailable:
    """What there is to say of a file that can't be written."""
    return Unavailable(f"{path} can't be written: {error.strerror}.", "Free space on that disk, or give write access.")
