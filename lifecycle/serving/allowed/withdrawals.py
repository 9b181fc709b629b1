"""What was allowed and may not serve any more: as the ledger told it, kept beside the proofs of what may.

A file of its own that only grows. Whoever moves the journal away, restarts the gateway while the ledger is down, or puts an old
order in the cache again does not bring back what was taken back.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from lifecycle.errors import LifecycleError, Refused, Tampered, Unavailable
from lifecycle.records.record import Count, Id, Microseconds, Name, Record, Version
from lifecycle.serving.folder import write_durably

_LOG = logging.getLogger(__name__)


class Withdrawal(Record):
    """A version must not serve here: under no decision, or no more under the one that is named."""

    #: The record that says so.
    event_id: Id
    model: Name
    version: Version
    #: The deployment decision that counts no more; None where no decision lets the version serve again.
    decision_id: Id | None
    #: In words for people, as the end of a sentence about the version.
    why: str

    def concerns(self, model: str, version: int, decision_id: str | None) -> bool:
        """Whether it keeps this version from serving under this decision."""
        return (self.model, self.version) == (model, version) and self.decision_id in (None, decision_id)


class WithdrawalsKept(Record):
    """The file. `place`: the first record of the ledger that was not looked at yet; `reached_us`: when the ledger last answered."""

    place: Count = 0
    reached_us: Microseconds = 0
    withdrawals: tuple[Withdrawal, ...] = ()


class Withdrawals:
    """The withdrawals in one file. Raises Tampered where it can't be read: what may serve must not be guessed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept = _read(path)
        #: Whether the disk has all of them.
        self.durable = True

    @property
    def place(self) -> int:
        """Where to look on in the ledger."""
        return self._kept.place

    @property
    def reached_us(self) -> Microseconds:
        """When the ledger last answered, by the wall clock; 0 for never."""
        return self._kept.reached_us

    @property
    def known(self) -> tuple[Withdrawal, ...]:
        """All of them, the oldest first."""
        return self._kept.withdrawals

    def against(self, model: str, version: int, decision_id: str | None) -> Withdrawal | None:
        """The first that keeps this version from serving under this decision."""
        return next((one for one in self.known if one.concerns(model, version, decision_id)), None)

    def require_none(self, model: str, version: int, decision_id: str) -> None:
        """Raises Refused where this version may not serve under this decision any more."""
        found = self.against(model, version, decision_id)
        if found is not None:
            raise Refused(
                f"{model}:{version} may not serve: {found.why}.",
                "Deploy another version, or go back to one: `lifecycle gateway status` shows which stand by.",
                ("ADMISSION", "REVOKED"),
            )

    def take(self, place: int, found: Iterable[Withdrawal], reached_us: Microseconds) -> tuple[Withdrawal, ...]:
        """Takes in what the ledger said when it answered; returns what is new. It counts at once, and is durable once it is kept."""
        new = tuple(one for one in found if one not in self.known)
        self._kept = WithdrawalsKept(place=place, reached_us=reached_us, withdrawals=(*self.known, *new))
        return new

    def keep(self) -> bool:
        """Makes it durable. Whether the disk took it: on a full one it counts all the same."""
        try:
            write_durably(self._path, self._kept.canonical())
        except Unavailable as error:
            _LOG.error("what the ledger has taken back is not durable: %s", error.what)
            self.durable = False
        else:
            self.durable = True
        return self.durable


def _read(path: Path) -> WithdrawalsKept:
    try:
        return WithdrawalsKept.parse(path.read_bytes())
    except FileNotFoundError:
        return WithdrawalsKept()
    except (OSError, LifecycleError) as error:
        why = error.what if isinstance(error, LifecycleError) else str(error.strerror)
        raise Tampered(
            f"What this gateway knows to be taken back, {path}, can't be read: {why}",
            "Give read access to it. If it is damaged, move it away while the ledger answers: the gateway reads it from there anew.",
        ) from error
