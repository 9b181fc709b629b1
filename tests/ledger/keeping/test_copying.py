"""A copy of a ledger in a file, made while others write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle.errors import InvalidDeclaration
from lifecycle.ledger.keeping.copies import back_up
from lifecycle.ledger.ledger import Ledger
from tests.ledger.happenings import ORIGIN, happening


def test_a_copy_is_whole_and_stands_alone(ledger: Ledger, tmp_path: Path, signed: Callable[[], str]) -> None:
    """What was in the write-ahead log is in the copy; appends to one do not touch the other."""
    with ledger.writing() as writer:
        writer.append_all([happening(number) for number in range(11)])
    signed()
    file = tmp_path / "copy.db"
    back_up(ledger.url, file)
    with Ledger.open(f"sqlite:///{file}", origin=ORIGIN) as copy:
        assert (copy.head(), copy.checkpoint()) == (ledger.head(), ledger.checkpoint())
        copy.append(happening(11))
    assert ledger.head().size == 11
    with pytest.raises(InvalidDeclaration, match="stands already"):
        back_up(ledger.url, file)
