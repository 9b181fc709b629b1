"""The desk as its pages have it: the departments as they are now, the settings, and what the desk remembers."""

from __future__ import annotations

import threading
from pathlib import Path

from starlette.requests import HTTPConnection

from lifecycle.desk.challenges import Challenges
from lifecycle.desk.limiting import RateLimit
from lifecycle.desk.provider.discovery import Publications
from lifecycle.desk.sessions import Sessions
from lifecycle.desk.settings import DeskSettings
from lifecycle.desk.store import DeskStore
from lifecycle.wiring import Departments

#: What departments read from governance/ and from the home's people, and hold on to: a desk runs for longer than that holds.
_READ_ONCE = frozenset({"people", "gate_keeper", "limit_sets", "prices", "anchors"})
_Seen = tuple[tuple[str, int, int], ...]


class Desk:
    """One desk while it runs. Safe to use from several threads."""

    def __init__(self, departments: Departments, settings: DeskSettings) -> None:
        self.settings = settings
        self.store = DeskStore(settings.folder)
        self.sessions = Sessions(self.store, settings)
        self.challenges = Challenges(self.store, settings)
        #: What the provider publishes, where one says who somebody is.
        self.published = Publications(settings.provider) if settings.provider is not None else None
        #: Tries to sign in or to register, per address and per person.
        self.tries_of_address = RateLimit(30, 60)
        self.tries_of_person = RateLimit(10, 60)
        #: Statements that somebody is shown, and answers to them: a refused one is a record.
        self.signings_of_person = RateLimit(30, 60)
        #: Refused sign-ins that the ledger takes, per person: nobody fills it from a sign-in page.
        self.records_of_person = RateLimit(5, 3_600)
        #: Of two answers, one after the other is recorded.
        self.recording = threading.Lock()
        self._departments = departments
        self._seen = _governance(departments)
        self._looking = threading.Lock()

    @property
    def departments(self) -> Departments:
        """The departments, with policies, limits and people as their files are now; the ledger and the store are shared."""
        with self._looking:
            seen = _governance(self._departments)
            if seen != self._seen:
                fresh = Departments(self._departments.settings)
                kept = {name: value for name, value in vars(self._departments).items() if name not in _READ_ONCE}
                vars(fresh).update(kept)
                self._departments, self._seen = fresh, seen
            return self._departments


def desk_of(connection: HTTPConnection) -> Desk:
    """The desk that a request came to."""
    desk: Desk = connection.app.state.desk
    return desk


def _governance(departments: Departments) -> _Seen:
    """Name, time and size of every file that says who may do what: another tuple means that one was changed."""
    settings = departments.settings
    files = [*(settings.project / "governance").rglob("*"), settings.home / "people.yaml", settings.anchors_file]
    files += [settings.policy_bundle] if settings.policy_bundle is not None else []
    return tuple(sorted(filter(None, (_mark(file) for file in files))))


def _mark(file: Path) -> tuple[str, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return str(file), found.st_mtime_ns, found.st_size
