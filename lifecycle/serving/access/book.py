"""The access book, opened: every pass in it proven anew, and the whole as the workers are told it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lifecycle.errors import LifecycleError, Unavailable
from lifecycle.proofs.notes import VerifierKey
from lifecycle.records.access import AccessBook
from lifecycle.records.record import Digest, JsonObject
from lifecycle.serving.access.passes import Pass, proven_pass
from lifecycle.serving.folder import write_durably

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class OpenedBook:
    """Who may ask. `invalid` are passes that no proof holds for: they let nobody in, and somebody should know."""

    closed: bool
    passes: tuple[Pass, ...]
    revoked: frozenset[Digest]
    invalid: tuple[str, ...] = ()
    #: Nobody is let in, whatever they show: the ledger has not said for too long whose access was taken back.
    out_of_reach: bool = False

    @property
    def callers(self) -> int:
        """How many grants have at least one pass."""
        return len({one.grant_id for one in self.passes})

    def as_message(self) -> JsonObject:
        """What a worker is told: for each caller its credential's digest, its quota, of whose predictions it may send labels, and
        the models and the versions that it may ask, these until when."""
        by_grant: dict[str, list[Pass]] = {}
        revoked: list[Any] = sorted(self.revoked)
        for one in self.passes:
            by_grant.setdefault(one.grant_id, []).append(one)
        return {
            "open": not self.closed,
            "out_of_reach": self.out_of_reach,
            "callers": [
                {
                    "grant_id": grant_id,
                    "principal": passes[0].principal,
                    "credential_digest": passes[0].credential_digest,
                    "quota": passes[0].quota.as_json(),
                    "labels": passes[0].labels,
                    "models": [*dict.fromkeys(one.model for one in passes)],
                    "passes": {one.digest: one.expires_at_us for one in passes},
                }
                for grant_id, passes in by_grant.items()
            ],
            "revoked": revoked,
        }


def nobody(environment: str) -> OpenedBook:
    """What holds where no book was ever read: `local` is open, every other environment lets nobody in."""
    return OpenedBook(closed=environment != "local", passes=(), revoked=frozenset())


def open_book(book: AccessBook, environment: str, log_keys: Sequence[VerifierKey]) -> OpenedBook:
    """Every pass whose proof holds. What lies in the file is believed for nothing but what it proves.

    A book can't open a gateway outside of `local`, whatever it says.
    """
    passes, invalid, revoked = [], [], set()
    taken_back = frozenset(book.revoked)
    for proof in book.passes:
        try:
            one = proven_pass(proof, environment, log_keys)
        except LifecycleError as error:
            invalid.append(error.what)
            continue
        if one.grant_id in taken_back:
            revoked.add(one.credential_digest)
        else:
            passes.append(one)
    return OpenedBook(book.closed or environment != "local", tuple(passes), frozenset(revoked), tuple(invalid))


def read_book(path: Path) -> AccessBook | None:
    """The book beside the gateway; None where there is none, or none that can be read: then nobody is let in by it."""
    try:
        return AccessBook.parse(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, LifecycleError) as error:
        _LOG.error("the access book %s can't be read, and lets nobody in: %s", path, error)
        return AccessBook(closed=True, ledger_size=0, read_at_us=0)


def write_book(path: Path, book: AccessBook) -> None:
    """Keeps the book for the next start. A disk that is full delays that and stops nothing."""
    try:
        write_durably(path, book.canonical())
    except Unavailable as error:
        _LOG.warning("%s", error.what)
