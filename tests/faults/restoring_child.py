"""Restores a backup and kills itself before its n-th write: `python -m tests.faults.restoring_child HOME FILE N`. Prints nothing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from lifecycle.ledger.appending.writer import Writer
from lifecycle.life.keeping.restoring import restore
from tests.faults.erasing_child import Countdown
from tests.scenarios.homes import departments_at

#: Whatever makes something durable, or puts it in the place of something else.
WRITES = ((os, "fsync"), (os, "link"), (os, "replace"), (os, "unlink"), (Writer, "finish"))


def main(home: Path, file: Path, writes_left: int) -> None:
    departments = departments_at(home)
    countdown = Countdown(writes_left)
    for owner, name in WRITES:
        setattr(owner, name, countdown.before(getattr(owner, name)))
    restore(departments, file, reason="A restore that is interrupted.")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
