"""A desk that takes an answer in and is killed at one point of it: `python -m tests.faults.signing_child FOLDER POINT`."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from lifecycle.desk import ceremonies, signing
from lifecycle.desk.desk import Desk
from lifecycle.desk.matters import approvals
from lifecycle.desk.settings import DeskSettings
from lifecycle.settings import Settings
from lifecycle.wiring import Departments
from tests.approvals.waiting_version import MODEL, shown
from tests.desk.authenticators import ORIGIN

#: What is replaced by the end of the process, by the name of the point.
POINTS: dict[str, tuple[Any, str]] = {
    "before the count is taken in": (signing, "require_counted_up"),
    "before it is recorded": (approvals, "record_signed"),
    "after it is recorded": (ceremonies.Ceremonies, "end"),
}


def _killed(*arguments: object) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nothing runs after SIGKILL")


def main(folder: Path, point: str) -> None:
    shown(pytest.MonkeyPatch(), "ada")
    departments = Departments(
        Settings.from_environment({"LIFECYCLE_PROJECT": str(folder / "project"), "LIFECYCLE_HOME": str(folder / "home")})
    )
    vars(departments)["models"] = (SimpleNamespace(name=MODEL),)
    desk = Desk(departments, DeskSettings(folder=folder / "desk", host="127.0.0.1", port=3001, origin=ORIGIN))
    place, name = POINTS[point]
    setattr(place, name, _killed)
    answer = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
    signing.finish_signing(desk, "officer", answer["ceremony"], answer["credential"])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
