"""Writers that run as processes of their own: `python -m tests.ledger.writers URL FIRST COUNT BATCH`."""

from __future__ import annotations

import sys

from lifecycle.ledger.ledger import Ledger
from tests.ledger.happenings import ORIGIN, happening


def write(url: str, first: int, count: int, batch: int) -> None:
    """Appends events with the ids `first` and up; prints each id once its append has returned."""
    with Ledger.open(url, origin=ORIGIN) as ledger:
        for start in range(first, first + count, batch):
            events = [happening(number, event_id=str(number)) for number in range(start, min(start + batch, first + count))]
            with ledger.writing() as writer:
                receipts = writer.append_all(events)
            for receipt in receipts:
                sys.stdout.write(f"{receipt.event_id}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
