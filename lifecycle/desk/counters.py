"""How often each passkey has signed, by its authenticator's own count: one that goes back says that there may be a copy.

The count is the desk's to keep: it sees every use, and most are no records. Where the desk's file was lost, it goes on
from the counts in what the ledger holds. An authenticator that does not count says 0 each time (Web Authentication Level 2, §6.1.1).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from lifecycle.approvals.passkeys import ForgedAssertion


def require_counted_up(tables: sqlite3.Connection, key_id: str, count: int, recorded: Callable[[], int]) -> None:
    """Takes a passkey's count in, within a transaction that the caller began.

    `recorded` gives the last count in the ledger, for a passkey that the desk has not seen. Raises ForgedAssertion (KEY-COUNTER) where the
    count did not grow.
    """
    row = tables.execute("SELECT count FROM counters WHERE key_id = ?", (key_id,)).fetchone()
    before = recorded() if row is None else int(row[0])
    if (count or before) and count <= before:
        raise ForgedAssertion(
            f"The passkey {key_id} counts {count} uses, and {before} were seen: somebody may have a copy of it.",
            f"If you signed in two windows at once, begin again. If not, have it revoked: `lifecycle keys revoke {key_id}`.",
            ("KEY-COUNTER",),
        )
    tables.execute(
        "INSERT INTO counters VALUES (?, ?) ON CONFLICT (key_id) DO UPDATE SET count = excluded.count",
        (key_id, count),
    )
