"""Events that the ledger will not take: set aside, counted, and said aloud until somebody has looked into them."""

from __future__ import annotations

from pathlib import Path

from lifecycle.errors import LifecycleError, Unavailable
from lifecycle.records.events import Event


class RefusedEvents:
    """The events in one file, one per line. Whoever has looked into them moves the file away."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, event: Event) -> None:
        """Sets an event aside. Raises Unavailable where the disk does not take it."""
        try:
            with self._path.open("ab") as file:
                file.write(event.canonical() + b"\n")
        except OSError as error:
            raise Unavailable(f"{self._path} can't be written: {error.strerror}.", "Free space on its disk.") from error

    @property
    def count(self) -> int:
        return len(self._lines())

    def faults(self) -> dict[str, str]:
        """By model: what the ledger refused to know of it."""
        found: dict[str, str] = {}
        for line in self._lines():
            try:
                event = Event.parse(line)
            except LifecycleError:
                continue
            name = event.subject.name
            found[name] = (
                f"the ledger refused events of {name}, the latest a {event.type} of {name}:{event.subject.version}: it does not "
                f"tell what serves here. They lie in {self._path}; find out why, and then move that file away."
            )
        return found

    def _lines(self) -> list[bytes]:
        return self._path.read_bytes().splitlines() if self._path.exists() else []
