"""Erases in a home and kills itself before its n-th write: `python -m tests.faults.erasing_child HOME SUBJECT N`. Prints nothing."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lifecycle.ledger.appending.writer import Writer
from lifecycle.ledger.keeping import erasing
from lifecycle.life.keeping.erasure import erase
from tests.scenarios.homes import departments_at

#: Whatever makes something durable, or takes it away.
WRITES = ((os, "fsync"), (os, "pwrite"), (os, "unlink"), (os, "replace"), (Writer, "finish"), (erasing, "wipe_traces"))


class Countdown:
    """Kills this process before the write that it is told."""

    def __init__(self, writes_left: int) -> None:
        self.left = writes_left

    def before(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            self.left -= 1
            return write(*arguments, **named)

        return counted


def main(home: Path, subject: str, writes_left: int) -> None:
    departments = departments_at(home)
    _ = departments.ledger, departments.people
    countdown = Countdown(writes_left)
    for owner, name in WRITES:
        setattr(owner, name, countdown.before(getattr(owner, name)))
    erase(departments, subject, reason="A request that is interrupted.")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
