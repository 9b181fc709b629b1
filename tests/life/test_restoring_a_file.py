"""Restoring a ledger that is a file: under nobody who uses it, and where nothing is left of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lifecycle.errors import Unavailable
from lifecycle.life.restoring import back_up, restore
from tests.ledger.places import place
from tests.life.restorable import REASON, RestorableHome, file, findings, restorable

__all__ = ["file", "place", "restorable"]


def test_a_ledger_that_is_in_use_is_not_replaced(restorable: RestorableHome, file: Path) -> None:
    """Whoever has it open would go on writing into the file that was put aside."""
    back_up(restorable.departments, file)
    with closing(sqlite3.connect(restorable.place.file or "")) as somebody:
        somebody.execute("SELECT * FROM head").fetchall()
        with pytest.raises(Unavailable, match="is in use"):
            restore(restorable.departments, file, reason=REASON)
    assert restorable.departments.ledger.head().size == 4


@pytest.mark.parametrize("loss", ["it is gone", "it is no database any more"])
def test_a_ledger_that_is_gone_is_restored(restorable: RestorableHome, file: Path, loss: str) -> None:
    """That is what a backup is for; what lay there is kept as it is."""
    back_up(restorable.departments, file)
    restorable.happen(5)
    standing = restorable.place.file
    assert standing is not None
    for beside in standing.parent.glob("ledger.db-*"):
        beside.unlink()
    if loss == "it is gone":
        standing.unlink()
    else:
        standing.write_bytes(b"\x00" * 4_096 + b"no database")
    done = restore(restorable.departments, file, reason=REASON)
    assert (done.lost, done.before_is_known) == (5, False)
    assert (done.replaced is None) == (loss == "it is gone")
    assert findings(restorable) == []
