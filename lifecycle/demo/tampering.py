"""What a person with write access to a copy of the ledger could do."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path


def alter_one_record(copy: Path) -> int:
    """Flips the verdict of the last denial in a copy of a SQLite ledger; returns the index of the altered record.

    The triggers that forbid it are dropped first, as a database administrator would. Where nothing was ever denied, the
    last record gets another reason of the same length.
    """
    with closing(sqlite3.connect(copy)) as connection, connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute('DROP TRIGGER "' + name + '"')
        rows = connection.execute("SELECT leaf_index, stored FROM events WHERE type = 'DecisionMade' ORDER BY leaf_index DESC").fetchall()
        index, stored = next(((i, s) for i, s in rows if b'"allow":false' in s), rows[0])
        altered = bytes(stored).replace(b'"allow":false', b'"allow":true ', 1) if b'"allow":false' in stored else bytes(stored)[:-2] + b" }"
        connection.execute("UPDATE events SET stored = ? WHERE leaf_index = ?", (altered, index))
    return int(index)
