"""The ledger as it stands: how long it is, what of it is signed, who outside has seen it, and its latest records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from lifecycle.errors import LifecycleError
from lifecycle.ledger.address import Address
from lifecycle.ledger.receipts import AnchorReceipt
from lifecycle.ledger.verifying.findings import Exposure
from lifecycle.life.anchoring import NO_ANCHORS, exposure, receipts
from lifecycle.records.events import Recorded
from lifecycle.records.identity import now_us
from lifecycle.records.record import Microseconds
from lifecycle.wiring import Departments

#: How many records a page of them has, and how many of the latest receipts are shown.
RECORDS_SHOWN, RECEIPTS_SHOWN = 25, 8
#: Past this, a ledger that is anchored at all says that it should be anchored again.
OLD = timedelta(days=1)


@dataclass(frozen=True)
class Signed:
    """The latest ledger checkpoint: whose signature was found to hold on it, and on how many records."""

    size: int
    keys: tuple[str, ...]
    note: str
    #: Why it is not to be believed; empty where a key of this home has signed it.
    fault: str = ""


@dataclass(frozen=True)
class LedgerView:
    """What the page of the ledger shows. It is a look, and no verification: that reads every record."""

    origin: str
    #: Without a password.
    address: str
    size: int
    root: str
    signed: Signed | None
    anchors: tuple[str, ...]
    exposure: Exposure | None
    receipts: tuple[AnchorReceipt, ...]
    #: The newest first.
    records: tuple[Recorded, ...]
    #: The index before which the next page begins, where there is one, and that of the page before.
    older: int | None
    newer: int | None
    read_at_us: Microseconds

    @property
    def unsigned(self) -> int:
        """How many of the latest records no signature covers yet."""
        return self.size - (self.signed.size if self.signed and not self.signed.fault else 0)

    @property
    def no_anchors(self) -> str:
        """What is to be said where none is declared."""
        return "" if self.anchors else NO_ANCHORS


def ledger_view(departments: Departments, before: int | None = None) -> LedgerView:
    """The ledger, with the records before an index (all of them, by default)."""
    ledger = departments.ledger
    head = ledger.head()
    until = head.size if before is None else max(0, min(before, head.size))
    since = max(0, until - RECORDS_SHOWN)
    records = [one for one in ledger.events(since=since, limit=RECORDS_SHOWN) if since <= one.index < until]
    return LedgerView(
        origin=departments.settings.origin,
        address=Address.parse(departments.settings.ledger_url).shown,
        size=head.size,
        root=head.root_text,
        signed=signed_by(departments, ledger.checkpoint()),
        anchors=tuple(f"{anchor.name} ({anchor.kind})" for anchor in departments.anchors.anchors),
        exposure=exposure(departments),
        receipts=tuple(reversed(receipts(departments)))[:RECEIPTS_SHOWN],
        records=tuple(reversed(records)),
        older=since or None,
        newer=None if until >= head.size else min(until + RECORDS_SHOWN, head.size),
        read_at_us=now_us(),
    )


def signed_by(departments: Departments, note: str | None) -> Signed | None:
    """The latest note, its signature checked against the keys of this home."""
    from lifecycle.proofs.notes import open_note

    if note is None:
        return None
    try:
        keys = departments.ledger_keys
        checkpoint = open_note(note, keys)
    except LifecycleError as error:
        return Signed(0, (), note, error.what)
    return Signed(checkpoint.size, tuple(dict.fromkeys(key.name for key in keys)), note)
